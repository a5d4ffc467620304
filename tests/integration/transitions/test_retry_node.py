"""Retries are durable timers; tries are counted apart from attempts."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from tests.makers import Rig, node


async def test_a_failed_attempt_waits_out_its_back_off_without_a_worker(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))

    await rig.worker.retry(await rig.worker.start_one("A"), delay_ms=5_000)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.waiting_on) == (NodeStatus.WAITING, WaitingOn.BACK_OFF)
    assert state.due_ms == rig.now_ms + 5_000
    assert state.error is not None
    assert state.error["message"] == "it broke"
    assert await rig.redis.zcard("workflows:leases") == await rig.redis.xlen("workflow:tasks") == 0


async def test_the_next_try_comes_when_the_back_off_is_over_and_not_before(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.retry(await rig.worker.start_one("A"), delay_ms=5_000)

    fired_early = await rig.advance(4_999)
    fired = await rig.advance(1)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (fired_early, fired) == (0, 1)
    assert (state.status, state.attempt, state.tries) == (NodeStatus.QUEUED, 2, 1)
    assert (state.waiting_on, state.due_ms) == (None, None)


async def test_a_node_that_succeeds_at_its_third_try_completes(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    for _ in range(2):
        await rig.worker.retry(await rig.worker.start_one("A"), delay_ms=1_000)
        await rig.advance(1_000)

    await rig.worker.run_all()

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.attempt, state.tries) == (NodeStatus.COMPLETED, 3, 3)
    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED
    assert (await rig.events(execution_id)).count("node.retrying:A") == 2


async def test_an_early_wake_is_told_so_and_keeps_its_timer(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.retry(await rig.worker.start_one("A"), delay_ms=5_000)
    before = await rig.dump()

    word, _ = await rig.transitions.wake_node(execution_id, "A", 1, WaitingOn.BACK_OFF)

    assert word == "early"
    assert await rig.dump() == before
