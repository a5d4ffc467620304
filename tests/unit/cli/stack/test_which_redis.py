"""Which Redis a stack works with: one that is named, its own, or one that is near; and that it says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.commands.dev import dev
from cli.stack import redis_server as chosen
from cli.stack import stack
from cli.stack.redis_server import RedisPlace, find_redis
from config import Settings
from tests.redis_server import RedisServer


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer) -> list[str]:
    """What a stack says meanwhile; the Redis of the tests is the one on the usual port."""

    async def start_own(*, data_dir: Path, **_: Any) -> RedisPlace:
        return RedisPlace(f"its own, in {data_dir}", "127.0.0.1", 7000)

    monkeypatch.setattr(chosen, "DEFAULT_PORT", redis_server.port)
    monkeypatch.setattr(chosen, "_start_embedded", start_own)
    for name in ("STACK_REDIS", "STACK_DATA_DIR", "REDIS_URL", "REDIS_HOST", "REDIS_PORT"):
        monkeypatch.delenv(name, raising=False)
    return []


async def found(lines: list[str], *, takes_near: bool = True) -> str:
    settings = Settings(_env_file=None)
    place = await find_redis(
        settings,
        data_dir=Path("mine"),
        lock_fd=0,
        emit=lambda _, line: lines.append(line),
        takes_near=takes_near,
    )
    return place.label


async def test_one_that_no_stack_has_started_is_used_and_said_to_be_found(
    lines: list[str], redis_server: RedisServer
) -> None:
    label = await found(lines)

    assert label == (
        f"localhost:{redis_server.port} (found there, not its own; --data-dir DIR has its own in DIR)"
    )
    assert await found(lines, takes_near=False) == "its own, in mine"
    assert not lines


async def test_that_of_another_stack_is_passed_over_and_named(
    lines: list[str], redis_server: RedisServer
) -> None:
    record = redis_server.directory / "server.json"
    record.write_text(json.dumps({"port": redis_server.port}))
    try:
        label = await found(lines)
    finally:
        record.unlink()

    assert label == "its own, in mine"
    (line,) = lines
    assert line.startswith(f"localhost:{redis_server.port} is the Redis of another stack, with data in ")
    assert f"{redis_server.directory}; this one gets its own (REDIS_URL=redis://localhost:" in line


@pytest.mark.parametrize("data_dir", [None, Path("elsewhere")])
def test_a_data_directory_that_is_named_has_a_redis_of_its_own(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path | None
) -> None:
    seen: list[stack.StackOptions] = []

    async def stop_at_once(self: stack.Stack) -> None:
        seen.append(self.options)

    monkeypatch.setattr(stack.Stack, "run", stop_at_once)

    dev(data_dir=data_dir)

    assert [options.takes_near for options in seen] == [data_dir is None]
