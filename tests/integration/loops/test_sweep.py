"""The sweep goes round all running executions, leaves busy ones alone, and repairs the rest."""

from __future__ import annotations

from orchestrator.loops.sweep import Sweep
from orchestrator.states import NodeStatus
from tests.makers import Rig, node

IDLE_MS = 10_000


def sweep_of(rig: Rig) -> Sweep:
    return Sweep(rig.store, rig.transitions, idle_ms=IDLE_MS)


async def submit_broken(rig: Rig) -> str:
    """An execution whose only task has been lost."""
    execution_id = await rig.submit(node("A"))
    await rig.redis.delete("workflow:tasks")
    return execution_id


async def test_an_execution_with_a_recent_event_is_left_alone(rig: Rig) -> None:
    await submit_broken(rig)
    sweep = sweep_of(rig)

    early = await sweep.run_once(rig.now_ms + IDLE_MS - 1)
    due = await sweep.run_once(rig.now_ms + IDLE_MS)

    assert (early, due) == (0, 1)


async def test_a_thorough_round_looks_at_busy_executions_too(rig: Rig) -> None:
    await submit_broken(rig)

    assert await sweep_of(rig).run_once(rig.now_ms, is_thorough=True) == 1


async def test_what_is_healthy_is_not_touched(rig: Rig) -> None:
    for _ in range(5):
        await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.start()
    before = await rig.dump()

    assert await sweep_of(rig).run_once(rig.now_ms + IDLE_MS) == 0
    assert await rig.dump() == before


async def test_rounds_of_a_bounded_size_reach_every_execution(rig: Rig) -> None:
    execution_ids = [await rig.submit(node("A")) for _ in range(30)]
    await rig.redis.delete("workflow:tasks")
    sweep = sweep_of(rig)

    for _ in range(20):
        await sweep.run_once(rig.now_ms + IDLE_MS, limit=5)

    assert await rig.redis.xlen("workflow:tasks") == 30
    for execution_id in execution_ids:
        assert await rig.nodes(execution_id) == {"A": NodeStatus.QUEUED}


async def test_an_execution_lost_from_the_set_of_active_ones_is_found(rig: Rig) -> None:
    execution_id = await submit_broken(rig)
    await rig.redis.delete("workflows:active")

    await sweep_of(rig).run_once(rig.now_ms + IDLE_MS)

    assert await rig.redis.sismember("workflows:active", execution_id)
    assert await rig.redis.xlen("workflow:tasks") == 1


async def test_a_stray_member_of_the_active_set_does_no_harm(rig: Rig) -> None:
    await rig.redis.sadd("workflows:active", "gone")

    assert await sweep_of(rig).run_once(rig.now_ms) == 0
