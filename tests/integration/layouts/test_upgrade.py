"""A process refuses to start beside another version that is at work, and says what to do."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import orjson
import pytest

from clients.redis_wire import Wire
from config import Settings
from docs.generate import ROOT
from main import create_app
from orchestrator.errors import ConfigError
from orchestrator.redis_keys import Keys
from orchestrator.store.health import await_usable
from orchestrator.store.layout import VERSION
from orchestrator.store.upgrade import SLICE, check_layouts
from tests.makers import Rig, WorkerFleet, node
from tests.older_layouts import announce_worker, restore_ended, set_layout
from tests.patience import PATIENCE_S

OLDER = VERSION - 1


async def detail(redis: Any) -> str:
    """What a refusal says; nothing where the process may start."""
    found = await check_layouts(redis, Keys())
    assert found.level in ("ok", "error")
    return found.detail if found.level == "error" else ""


async def test_nothing_of_another_version_is_no_obstacle(rig: Rig, fleet: WorkerFleet) -> None:
    assert await detail(rig.redis) == ""

    await fleet.start()
    await rig.submit(node("A", handler="delay", config={"seconds": 900}))
    await restore_ended(rig.redis)

    assert await rig.redis.scard("workflows:active") == 1
    assert await detail(rig.redis) == ""


async def test_executions_that_have_not_ended_are_counted_by_their_layout(rig: Rig) -> None:
    for layout in (OLDER, OLDER, OLDER, VERSION + 1, VERSION):
        await set_layout(rig.redis, await rig.submit(node("A")), layout)

    said = await detail(rig.redis)

    assert f"executions of layout {OLDER} that have not ended: 3;" in said
    assert f"executions of layout {VERSION + 1} that have not ended: 1;" in said
    assert f"layout {VERSION} that" not in said
    assert "let these executions end with the version that wrote them" in said


async def test_what_was_never_started_and_what_is_damaged_is_no_obstacle(rig: Rig) -> None:
    await set_layout(rig.redis, await rig.submit(node("A"), trigger=False), OLDER)
    for _ in range(2):
        execution_id = await rig.submit(node("A"))
        await rig.redis.delete(f"workflow:{execution_id}:runtime")
    await rig.redis.lpush(f"workflow:{execution_id}:runtime", "x")

    assert await detail(rig.redis) == ""


async def test_a_worker_of_another_version_is_named(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start("ours")
    await announce_worker(rig.redis, "old-1")
    await announce_worker(rig.redis, "old-2", ago_ms=50_000)
    await announce_worker(rig.redis, "new-1", layout=VERSION + 1)
    await announce_worker(rig.redis, "gone", ago_ms=70_000)

    said = await detail(rig.redis)

    assert f"workers without layout {VERSION}" in said
    assert all(f"{name} (box-7, pid 4711)" in said for name in ("old-1", "old-2", "new-1"))
    assert "ours" not in said
    assert "gone" not in said


async def test_hosts_of_a_worker_of_another_version_are_shown_as_far_as_they_are_known(rig: Rig) -> None:
    newer = {"pid": 7, "kind": "sync", "state": "idle", "runs": 3, "rss_mb": 9, "cpus": 2}
    await announce_worker(
        rig.redis, "new-1", hosts=orjson.dumps([{**newer, "running": [["e/A", 5, "now"]]}, {}])
    )

    (worker,) = await rig.engine.workers.list()

    known, unknown = worker.hosts
    assert (known.pid, known.kind, known.runs, known.running) == (7, "sync", 3, (("e/A", 5),))
    assert (unknown.kind, unknown.running) == (None, ())


async def test_many_workers_are_not_all_named(rig: Rig) -> None:
    for number in range(13):
        await announce_worker(rig.redis, f"old-{number:02}")

    said = await detail(rig.redis)

    assert said.count("pid 4711") == 10
    assert "and 3 more" in said


async def test_many_executions_are_looked_at_in_few_round_trips(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 10 * SLICE
    ids = [f"e{number}" for number in range(count)]
    pipe = rig.redis.pipeline(transaction=False)
    pipe.sadd("workflows:active", *ids)
    for execution_id in ids:
        pipe.hset(f"workflow:{execution_id}:runtime", "v", VERSION)
    await pipe.execute()
    sizes: list[int] = []
    send = Wire.send

    async def counted(self: Wire, commands: Any) -> list[Any]:
        sizes.append(len(commands))
        return await send(self, commands)

    monkeypatch.setattr(Wire, "send", counted)

    assert await detail(rig.redis) == ""
    assert len(sizes) < 60
    assert count <= sum(sizes) < 2 * count


# Processes


async def test_a_process_waits_for_no_other_version_where_it_asks_for_none(rig: Rig) -> None:
    await announce_worker(rig.redis, "old-1")

    await await_usable(rig.redis, "here:6379/0", allow_eviction_policy=False)
    with pytest.raises(
        ConfigError, match="here:6379/0 cannot be used: another version of Headrace is at work"
    ):
        await await_usable(rig.redis, "here:6379/0", allow_eviction_policy=False, keys=Keys())


async def test_the_api_does_not_serve(rig: Rig, redis_url: str) -> None:
    await set_layout(rig.redis, await rig.submit(node("A")), OLDER)
    app = create_app(Settings(redis_url=redis_url))

    with pytest.raises(ConfigError, match="have not ended: 1"):
        async with app.router.lifespan_context(app):
            pytest.fail("served beside it")


@pytest.mark.parametrize(
    "command",
    [("orchestrator.starter",), ("workers.worker",), ("uvicorn", "main:app", "--port", "0")],
    ids=lambda command: str(command[0]),
)
async def test_a_process_ends_with_what_to_do_in_one_line(
    rig: Rig, redis_url: str, command: tuple[str, ...]
) -> None:
    await set_layout(rig.redis, await rig.submit(node("A")), OLDER)
    await announce_worker(rig.redis, "old-1")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": redis_url}

    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", *command],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip

    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    (line,) = [each for each in done.stderr.splitlines() if "process.refused" in each]
    assert all(
        word in line for word in ("have not ended: 1", "old-1 (box-7, pid 4711)", "start this one again")
    )
