"""`heartbeat_timeout`: the silence of a handler that promised to report, and what it had reached by then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from headrace import handler
from orchestrator.definitions.compiler import compile_definition
from orchestrator.engine import Engine
from orchestrator.lint.lint import lint
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from orchestrator.store.replies import Claim
from tests.fake_handlers import Stage, ended, start
from tests.makers import Rig, WorkerFleet, node, until, workflow
from workers.context import HandlerContext, StopSignal, Toolbox
from workers.handlers import Catalogue
from workers.runtime.event_buffer import EventBuffer
from workers.runtime.heartbeat import Pulse
from workers.runtime.runner import Runner
from workers.runtime.timeouts import LimitPassed, TimeLimits

E, N = ExecutionStatus, NodeStatus
AT_ONCE: dict[str, Any] = {"max_attempts": 2, "initial_interval": 0, "jitter": "none"}


@pytest.fixture
def seen(engine: Engine) -> list[Any]:
    """What each attempt of `test_pages` found of the one before. It reads a page, then hangs."""
    found: list[Any] = []

    @handler("test_pages")
    async def pages(config: dict[str, Any], context: HandlerContext) -> dict[str, Any]:
        """Read the page after the last one that was read."""
        found.append(context.last_heartbeat)
        page = (context.last_heartbeat or {"page": 0})["page"] + 1
        context.heartbeat({"page": page})
        if page < config["pages"]:
            await asyncio.Event().wait()
        return {"page": page}

    return found


async def test_a_silent_handler_is_stopped_and_tried_again_from_where_it_was(
    engine: Engine, fleet: WorkerFleet, seen: list[Any]
) -> None:
    await fleet.start()

    execution_id = await start(
        engine,
        node("A", handler="test_pages", config={"pages": 3}, heartbeat_timeout=0.3,
             retry={**AT_ONCE, "max_attempts": 3}),
    )  # fmt: skip

    assert await ended(engine, execution_id) is E.COMPLETED
    assert seen == [None, {"page": 1}, {"page": 2}]
    events = await engine.events.list(execution_id)
    errors = [orjson.loads(row.data)["error"] for row in events if row.type == "node.retrying"]
    assert [error["type"] for error in errors] == ["Timeout.Heartbeat", "Timeout.Heartbeat"]
    assert [error["details"] for error in errors] == [
        {"last_heartbeat": {"page": 1}},
        {"last_heartbeat": {"page": 2}},
    ]


async def test_the_last_silence_fails_the_node(engine: Engine, fleet: WorkerFleet, seen: list[Any]) -> None:
    await fleet.start()

    execution_id = await start(
        engine, node("A", handler="test_pages", config={"pages": 9}, heartbeat_timeout=0.05)
    )

    assert await ended(engine, execution_id) is E.FAILED
    state = (await engine.nodes.get(execution_id, "A")).state
    assert (state.reason, state.tries) == (Reason.TIMEOUT, 1)
    assert state.error is not None
    assert state.error["type"] == "Timeout.Heartbeat"


async def test_a_drained_worker_hands_over_what_was_reached(
    engine: Engine, fleet: WorkerFleet, seen: list[Any]
) -> None:
    first = await fleet.start(drain_s=0.0)
    execution_id = await start(engine, node("A", handler="test_pages", config={"pages": 2}))
    await until(lambda: _has(lambda: len(seen) == 1))

    await fleet.stop(first)
    await fleet.start("worker-2")

    assert await ended(engine, execution_id) is E.COMPLETED
    assert seen == [None, {"page": 1}]


async def test_what_was_reached_travels_with_the_lease_for_a_worker_that_dies(
    redis: Redis, engine: Engine, fleet: WorkerFleet, seen: list[Any]
) -> None:
    worker = await fleet.start(lease_ms=900)
    execution_id = await start(engine, node("A", handler="test_pages", config={"pages": 2}))
    runtime = engine.keys.runtime(execution_id)

    await until(lambda: _is_written(redis, runtime))

    assert await redis.hget(runtime, "beat|A") == b'{"page":1}'
    # The answer of Redis comes to the worker after what it did has been seen here.
    (attempt,) = worker.attempts.running.values()
    await until(lambda: _has(lambda: attempt.buffer.beat() == b""))


async def _has(found: Callable[[], bool]) -> bool:
    return found()


async def _is_written(redis: Redis, runtime: str) -> bool:
    return bool(await redis.hexists(runtime, "beat|A"))


async def claim_again(rig: Rig) -> Claim:
    (task,) = await rig.worker.read()
    claim = await rig.worker.claim(task)
    assert isinstance(claim, Claim)
    return claim


def test_an_attempt_the_loop_cannot_end_is_left_to_its_lease() -> None:
    silent, promised_nothing = EventBuffer(), EventBuffer()
    silent.last_beat_s = promised_nothing.last_beat_s = time.monotonic() - 20

    assert Pulse(silent, 10_000).has_stopped(5_000)
    assert not Pulse(silent, 10_000).has_stopped(15_000)
    assert not Pulse(promised_nothing).has_stopped(0)
    silent.emit("node.log", {"message": "still here"})
    assert not Pulse(silent, 10_000).has_stopped(5_000)


def test_the_newest_heartbeat_waits_until_it_is_written() -> None:
    buffer = EventBuffer()
    buffer.emit("heartbeat", {"details": {"page": 1}})
    sent = buffer.beat()
    buffer.emit("heartbeat", {"details": {"page": 2}})

    buffer.confirm_beat(sent)
    newer = buffer.beat()
    buffer.confirm_beat(newer)

    assert (sent, newer, buffer.beat()) == (b'{"page":1}', b'{"page":2}', b"")
    assert not buffer.has_lines


async def test_the_limit_that_passes_first_is_named() -> None:
    context = HandlerContext(execution_id="e", node_id="A")
    passed = []
    for limits in (TimeLimits(30, 60_000), TimeLimits(60_000, 30)):
        with pytest.raises(LimitPassed) as told:
            await limits.hold(asyncio.Event().wait(), context)
        passed.append(told.value.error_type)

    assert passed == ["Timeout.StartToClose", "Timeout.Heartbeat"]


async def test_secrets_are_kept_out_of_what_was_reached(rig: Rig, stage: Stage) -> None:
    kept = EventBuffer()

    @handler("test_leaky")
    async def leaky(config: dict[str, Any], context: HandlerContext) -> None:
        """Report the secret it was given."""
        context.heartbeat({"token": context.tools.secrets["TOKEN"]})

    await rig.submit(node("A", handler="test_leaky"))
    claim = await claim_again(rig)
    runner = Runner(worker_id="w", tools=_tools())

    await runner.run(claim, orjson.loads(claim.spec), kept, StopSignal())

    assert kept.beat() == b'{"token":"***"}'


def _tools() -> Toolbox:
    return Toolbox(secrets={"TOKEN": "correct horse"})


def test_a_silence_longer_than_the_attempt_is_warned_of() -> None:
    document = workflow(node("A", heartbeat_timeout=31, start_to_close_timeout=30))

    warnings = lint(compile_definition(document, handlers=Catalogue()))

    assert [(each.path, each.code) for each in warnings] == [
        ("dag.nodes[0].heartbeat_timeout", "timeout_never_passes")
    ]
