"""The leases loop takes attempts from workers that stopped renewing, a bounded number at a time."""

from __future__ import annotations

import asyncio

from orchestrator.loops import leases
from orchestrator.states import NodeStatus
from tests.makers import LEASE_MS, Rig, node


async def expire(rig: Rig, *, limit: int = leases.LIMIT) -> int:
    return await leases.run_once(rig.store, rig.transitions, rig.now_ms, limit=limit)


async def test_a_live_lease_is_left_alone(rig: Rig) -> None:
    await rig.submit(node("A"))
    await rig.worker.start()
    rig.transitions.now_ms = rig.now_ms + LEASE_MS
    before = await rig.dump()

    assert await expire(rig) == 0
    assert await rig.dump() == before


async def test_a_jump_of_the_clock_requeues_a_bounded_number_at_a_time(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{i}") for i in range(12)))
    await rig.worker.start()
    rig.transitions.now_ms = rig.now_ms + 3_600_000

    counts = [await expire(rig, limit=5) for _ in range(4)]

    assert counts == [5, 5, 2, 0]
    assert set((await rig.nodes(execution_id)).values()) == {NodeStatus.QUEUED}


async def test_several_at_once_take_each_attempt_once(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{i}") for i in range(10)))
    await rig.worker.start()
    rig.transitions.now_ms = rig.now_ms + LEASE_MS + 1

    await asyncio.gather(*(expire(rig) for _ in range(4)))

    view = await rig.engine.executions.get(execution_id)
    assert {(state.attempt, state.crashes) for state in view.nodes} == {(2, 1)}
    assert await rig.redis.xlen("workflow:tasks") == 10


async def test_the_error_names_the_worker_that_was_lost(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.start()
    rig.transitions.now_ms = rig.now_ms + LEASE_MS + 1

    await expire(rig)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert state.error is not None
    assert (state.error["type"], state.error["worker"]) == ("LeaseLost", "w1")


async def test_a_lease_of_an_execution_that_is_gone_goes_too(rig: Rig) -> None:
    await rig.redis.zadd("workflows:leases", {"gone\x1fA\x1f1": 1})

    assert await expire(rig) == 1
    assert await rig.dump() == {}


async def test_leases_of_damaged_executions_stand_back_behind_all_others(rig: Rig) -> None:
    damaged = await rig.submit(node("A"))
    await rig.worker.start()
    rig.transitions.now_ms = rig.now_ms + 1
    healthy = await rig.submit(node("A"))
    await rig.worker.start()
    await rig.redis.delete(f"workflow:{damaged}:runtime")
    await rig.redis.lpush(f"workflow:{damaged}:runtime", "x")
    rig.transitions.now_ms = rig.now_ms + LEASE_MS + 1

    for _ in range(2):
        await leases.run_once(rig.store, rig.transitions, rig.now_ms, limit=1)

    assert (await rig.nodes(healthy))["A"] is not NodeStatus.RUNNING
