"""Which Redis is ours: the running stack's, else the one the settings name, and no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.stack.info import NoOwnRedis, StackInfo, own_redis_url


@pytest.fixture(autouse=True)
def no_redis_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_DB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STACK_DATA_DIR", str(tmp_path))


def run_stack(directory: Path, *, host: str | None = "127.0.0.1", port: int | None = 7001) -> None:
    StackInfo(
        os.getpid(), "http://localhost:1", "http://localhost:2", host, port, str(directory.resolve()), "now"
    ).write()


def test_the_stacks_own_redis_goes_before_one_that_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:1/0")
    run_stack(tmp_path)

    assert own_redis_url() == "redis://127.0.0.1:7001/0"


def test_without_a_stack_only_a_redis_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoOwnRedis, match=r"no stack runs on .*, and neither REDIS_URL nor REDIS_HOST"):
        own_redis_url()

    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:1/0")
    assert own_redis_url() == "redis://elsewhere:1/0"


def test_a_stack_on_a_redis_of_its_settings_needs_the_same_setting_here(tmp_path: Path) -> None:
    run_stack(tmp_path, host=None, port=None)

    with pytest.raises(NoOwnRedis, match="set the same REDIS_URL here"):
        own_redis_url()
