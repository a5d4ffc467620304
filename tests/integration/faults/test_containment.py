"""What a handler, a stranger's hand or a damaged row does wrong stays where it was done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from redis.asyncio import Redis

from clients.redis_client import connect_commands
from clients.redis_wire import KEPT_CONNECTIONS
from headrace import Completed, Retryable, Skip, Waiting, handler
from headrace.registration import HANDLER_REGISTRY
from orchestrator.engine import Engine
from orchestrator.loops.sweep import Sweep
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.layout import lay_out
from tests.dags import compiled, workflow
from tests.fake_handlers import ended, start
from tests.makers import Rig, WorkerFleet, node
from workers.context import HandlerContext
from workers.outcome import Failed
from workers.runtime.recording import token_of

E, N = ExecutionStatus, NodeStatus


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


#: What the handler does, and how its node must end.
MISDEEDS: dict[str, tuple[Any, NodeStatus]] = {
    "exits": (SystemExit(3), N.FAILED),
    "says nothing sayable": (Unspeakable(), N.FAILED),
    "asks for a text of seconds": (Retryable("later", after_s="30"), N.FAILED),  # type: ignore[arg-type]
    "asks for ever": (Retryable("later", after_s=float("inf")), N.FAILED),
    "skips for no reason": (Skip(None), N.SKIPPED),  # type: ignore[arg-type]
    "skips with a broken text": (Skip("file \udcff.txt"), N.SKIPPED),
    "names a number as a branch": (Completed({}, not_taken=(1,)), N.FAILED),  # type: ignore[arg-type]
    "fails with a text": (Failed("it broke"), N.FAILED),  # type: ignore[arg-type]
    "waits until soon": (Waiting(until_ms="soon"), N.FAILED),  # type: ignore[arg-type]
    "returns a broken text": ({"name": "\udcff"}, N.FAILED),
}


@pytest.fixture(autouse=True)
def misbehaving() -> Iterator[None]:
    @handler("test_misbehave")
    async def misbehave(config: Mapping[str, Any], context: HandlerContext) -> Any:
        """Do what the config names, after a log line that JSON cannot hold."""
        context.log("\udcff")
        deed, _ = MISDEEDS[config["deed"]]
        if isinstance(deed, BaseException):
            raise deed
        return deed

    yield
    del HANDLER_REGISTRY["test_misbehave"]


@pytest.mark.parametrize("deed", MISDEEDS)
async def test_a_misdeed_ends_its_own_attempt_and_no_other(
    engine: Engine, fleet: WorkerFleet, deed: str
) -> None:
    worker = await fleet.start()

    execution_id = await start(
        engine, node("A", handler="test_misbehave", config={"deed": deed}), node("neighbour")
    )

    assert (await ended(engine, execution_id)).is_terminal
    states = {state.node_id: state.status for state in (await engine.executions.get(execution_id)).nodes}
    assert states == {"A": MISDEEDS[deed][1], "neighbour": N.COMPLETED}
    assert not worker.attempts.running


async def test_a_foreign_entry_on_the_stream_is_taken_off(
    engine: Engine, fleet: WorkerFleet, redis: Redis
) -> None:
    await redis.xadd("workflow:tasks", {"foo": "bar"})
    await fleet.start()

    execution_id = await start(engine, node("A"), node("B", after=["A"]))

    assert await ended(engine, execution_id) is E.COMPLETED
    assert await redis.xlen("workflow:tasks") == 0


async def test_a_foreign_entry_read_on_the_way_harms_nobody(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")
    await rig.redis.xadd("workflow:tasks", {"foo": "bar"})

    ended_a = await rig.worker.complete(held, claiming=rig.worker.claiming())
    (claim,) = ended_a.claims
    await rig.worker.complete(token_of(claim))

    assert await rig.engine.executions.status(execution_id) is E.COMPLETED


async def test_garbage_among_timers_and_leases_stops_no_clock(rig: Rig) -> None:
    for name in ("workflows:timers", "workflows:leases"):
        await rig.redis.zadd(name, {"garbage": 0})

    assert await rig.store.due_timers(rig.now_ms, 10) == []
    assert await rig.store.expired_leases(rig.now_ms, 10) == []

    assert await rig.redis.zcard("workflows:timers") == await rig.redis.zcard("workflows:leases") == 0


async def test_a_damaged_execution_does_not_keep_the_sweep_from_the_others(rig: Rig) -> None:
    damaged = [await rig.submit(node("A")) for _ in range(2)]
    healthy = await rig.submit(node("A"))
    await rig.redis.delete(f"workflow:{damaged[0]}")
    await rig.redis.set(f"workflow:{damaged[1]}:status", "NONSENSE")
    await rig.redis.delete("workflow:tasks")

    await Sweep(rig.store, rig.transitions).run_once(rig.now_ms, is_thorough=True)

    assert await rig.redis.xlen("workflow:tasks") == 1
    assert [row.execution_id for row in (await rig.engine.executions.list()).items] == [healthy, damaged[0]]


async def test_a_late_copy_of_a_slice_changes_nothing(rig: Rig) -> None:
    many = compiled(workflow(*(node(f"n{i}") for i in range(250))))
    layout = lay_out(many)
    late = rig.transitions.stage_execution("x1", layout.staged[0])
    await late
    await rig.transitions.create_execution("x1", b"{}", layout.last, is_started=True)
    before = await rig.dump()

    await late

    assert await rig.dump() == before


async def test_a_cancel_that_stopped_half_way_is_finished_by_the_sweep(rig: Rig) -> None:
    made = await rig.engine.executions.submit(workflow(*(node(f"n{i}") for i in range(1_200))))
    await rig.transitions.cancel_execution(made.execution_id, reason="null", grace_ms=1_000, request_id="1")
    await rig.redis.delete("workflows:timers")

    sweep = Sweep(rig.store, rig.transitions)
    await sweep.run_once(rig.now_ms, is_thorough=True)

    assert await rig.engine.executions.status(made.execution_id) is E.CANCELLED


async def test_a_task_handed_from_worker_to_worker_keeps_its_time_limit(rig: Rig) -> None:
    limited = {**node("A"), "schedule_to_start_timeout": "1s"}
    execution_id = await rig.submit(limited)
    for _ in range(2):
        (delivery,) = await rig.worker.read(1)
        await rig.transitions.hand_back_node(
            execution_id, "A", delivery.attempt, message_id=delivery.message_id, queue="default",
            is_offered=True, error=b"{}",
        )  # fmt: skip
        await rig.advance(600)
        await rig.tick()

    assert await rig.engine.executions.status(execution_id) is E.FAILED
    assert (await rig.engine.nodes.get(execution_id, "A")).state.reason == "timeout"


async def test_a_lost_time_limit_is_found_and_set_again(rig: Rig) -> None:
    execution_id = await rig.submit({**node("A"), "schedule_to_start_timeout": "1s"})
    await rig.redis.delete("workflows:timers")

    await Sweep(rig.store, rig.transitions).run_once(rig.now_ms, is_thorough=True)
    await rig.advance(1_001)
    await rig.tick()

    assert await rig.engine.executions.status(execution_id) is E.FAILED


async def test_a_crowd_of_calls_leaves_connections_for_others(redis_url: str) -> None:
    crowded = connect_commands(redis_url, max_connections=KEPT_CONNECTIONS + 2)
    rig = Engine(crowded, crowded, catalogue=lambda _, cards: Nothing())

    await asyncio.gather(*(rig.transitions.continue_execution("none") for _ in range(500)))

    assert await rig.workers.list() == []
    await crowded.aclose()


class Nothing:
    """A catalogue without handlers."""

    names: frozenset[str] = frozenset()

    def check_config(self, handler: str, config: dict[str, Any]) -> list[Any]:
        return []

    def default_retry(self, handler: str) -> None:
        return None

    def secret_fields(self, handler: str) -> None:
        return None

    def is_durable(self, handler: str) -> None:
        return None
