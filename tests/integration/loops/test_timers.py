"""The timers loop fires what is due, in bounded runs, and may be run by anyone at any time."""

from __future__ import annotations

import asyncio

from orchestrator.loops import timers
from orchestrator.redis_keys import timer_member
from orchestrator.states import NodeStatus
from tests.integration.static_layouts import set_plan
from tests.makers import Rig, node


async def park(rig: Rig, count: int, delay_ms: int = 1_000) -> str:
    execution_id = await rig.submit(*(node(f"n{i}") for i in range(count)))
    for held in (await rig.worker.start(count)).values():
        await rig.worker.retry(held, delay_ms)
    return execution_id


async def fire(rig: Rig, *, limit: int = timers.LIMIT) -> int:
    return await timers.run_once(rig.store, rig.transitions, rig.now_ms, limit=limit)


async def test_nothing_due_is_nothing_done(rig: Rig) -> None:
    await park(rig, 1)
    before = await rig.dump()

    assert await fire(rig) == 0
    assert await rig.dump() == before


async def test_one_run_fires_a_bounded_number_and_the_next_goes_on(rig: Rig) -> None:
    execution_id = await park(rig, 12)
    rig.transitions.now_ms = rig.now_ms + 1_000

    counts = [await fire(rig, limit=5) for _ in range(4)]

    assert counts == [5, 5, 2, 0]
    assert set((await rig.nodes(execution_id)).values()) == {NodeStatus.QUEUED}


async def test_several_at_once_fire_each_timer_once(rig: Rig) -> None:
    execution_id = await park(rig, 20)
    rig.transitions.now_ms = rig.now_ms + 1_000

    await asyncio.gather(*(fire(rig) for _ in range(5)))

    assert await rig.redis.xlen("workflow:tasks") == 20
    view = await rig.engine.executions.get(execution_id)
    assert {state.attempt for state in view.nodes} == {2}


async def test_a_timer_of_an_execution_that_is_gone_goes_too(rig: Rig) -> None:
    for kind in ("back_off", "start_to_close", "schedule_to_start", "delay"):
        await rig.redis.zadd("workflows:timers", {f"{kind}\x1fgone\x1fA\x1f1": 1})
    for kind in ("continue", "execution_timeout", "cancel_grace"):
        await rig.redis.zadd("workflows:timers", {f"{kind}\x1fgone\x1f\x1f1": 1})
    # The member of a continue timer has attempt 0.
    await rig.redis.zadd("workflows:timers", {"continue\x1fgone\x1f\x1f0": 1})
    await rig.redis.zrem("workflows:timers", "continue\x1fgone\x1f\x1f1")

    assert await fire(rig) == 7
    assert await rig.dump() == {}


async def test_a_timer_of_an_earlier_attempt_is_removed_without_effect(rig: Rig) -> None:
    execution_id = await park(rig, 1)
    await rig.advance(1_000)
    await rig.redis.zadd("workflows:timers", {f"back_off\x1f{execution_id}\x1fn0\x1f1": 1})
    before = await rig.nodes(execution_id)

    await fire(rig)

    assert await rig.nodes(execution_id) == before
    assert await rig.redis.zcard("workflows:timers") == 0


async def test_timers_fire_in_the_order_they_are_due(rig: Rig) -> None:
    execution_id = await rig.submit(node("late"), node("soon"))
    held = await rig.worker.start()
    await rig.worker.retry(held["late"], 2_000)
    await rig.worker.retry(held["soon"], 1_000)
    rig.transitions.now_ms = rig.now_ms + 5_000

    await fire(rig, limit=1)

    assert await rig.nodes(execution_id) == {"late": NodeStatus.WAITING, "soon": NodeStatus.QUEUED}


async def test_a_timer_whose_record_cannot_be_read_holds_up_no_other(rig: Rig) -> None:
    execution_id = await park(rig, 1)
    keys = rig.store.keys
    await set_plan(rig, execution_id, "spec|n0", '{"start_to_close_ms": "soon"}')
    broken = timer_member("start_to_close", execution_id, "n0", 1)
    await rig.redis.zadd(keys.shared("timers"), {broken: 1})
    rig.transitions.now_ms = rig.now_ms + 1_000

    await fire(rig)

    assert await rig.nodes(execution_id) == {"n0": NodeStatus.QUEUED}


async def test_timers_of_damaged_executions_stand_back_behind_all_others(rig: Rig) -> None:
    damaged = [await park(rig, 1) for _ in range(5)]
    healthy = await park(rig, 1, delay_ms=2_000)
    for execution_id in damaged:
        await rig.redis.delete(f"workflow:{execution_id}:node:n0")
        await rig.redis.lpush(f"workflow:{execution_id}:node:n0", "x")
    rig.transitions.now_ms = rig.now_ms + 2_000

    # No more at a time than there are damaged ones.
    for _ in range(2):
        await fire(rig, limit=5)

    assert await rig.nodes(healthy) == {"n0": NodeStatus.QUEUED}
    assert await fire(rig) == 0
    rig.transitions.now_ms = rig.now_ms + timers.PUT_OFF_MS
    assert await fire(rig) == 5


async def test_a_time_limit_whose_execution_has_a_record_of_another_kind_harms_no_other(rig: Rig) -> None:
    execution_ids = [await rig.submit(node("A", start_to_close_timeout=1)) for _ in range(2)]
    await rig.worker.start()
    await rig.redis.delete(f"workflow:{execution_ids[0]}:runtime")
    await rig.redis.lpush(f"workflow:{execution_ids[0]}:runtime", "x")
    rig.transitions.now_ms = rig.now_ms + 5_000

    await fire(rig)

    assert await rig.nodes(execution_ids[1]) == {"A": NodeStatus.FAILED}


async def test_an_execution_whose_time_is_up_shows_the_error_that_ended_it(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), execution_timeout=1)
    await rig.advance(1_001)

    await timers.run_once(rig.store, rig.transitions, rig.now_ms)

    error = (await rig.engine.executions.get(execution_id)).execution.error
    assert error is not None
    assert error["type"] == "Timeout.Execution"
