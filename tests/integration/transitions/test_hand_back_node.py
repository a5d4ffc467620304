"""A task whose handler a worker lacks is given back; after five minutes without any that has it, it fails."""

from __future__ import annotations

from typing import Any

from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.store.transitions import HANDLER_PATIENCE_MS
from tests.makers import Rig, error_of, node


async def hand_back(rig: Rig, *, is_offered: bool = False) -> None:
    (task,) = await rig.worker.read()
    assert await rig.worker.hand_back(task, is_offered=is_offered) == "ok"


async def test_a_task_handed_back_waits_a_little_longer_each_time(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    delays = []

    for _ in range(7):
        await hand_back(rig)
        state = (await rig.engine.nodes.get(execution_id, "A")).state
        assert (state.status, state.waiting_on) == (NodeStatus.WAITING, WaitingOn.WORKER)
        assert state.due_ms is not None
        delays.append(state.due_ms - rig.now_ms)
        await rig.advance(delays[-1])

    assert delays == [100, 200, 400, 800, 1_600, 2_000, 2_000]
    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.tries, state.crashes) == (0, 0)


async def test_a_handler_nobody_offers_fails_the_node_after_five_minutes(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await hand_back(rig)
    await rig.advance(HANDLER_PATIENCE_MS - 1)
    await hand_back(rig)
    still_waiting = await rig.nodes(execution_id)
    await rig.advance(2_000)

    await hand_back(rig)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert still_waiting == {"A": NodeStatus.WAITING}
    assert (state.status, state.reason) == (NodeStatus.FAILED, Reason.ERROR)
    assert state.error is not None
    assert state.error["type"] == "HandlerNotFound"
    assert await rig.status(execution_id) is ExecutionStatus.FAILED
    assert await rig.nothing_is_left_behind()


async def test_patience_begins_anew_when_a_live_worker_offers_the_handler(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await hand_back(rig)
    await rig.advance(HANDLER_PATIENCE_MS)
    await hand_back(rig, is_offered=True)
    await rig.advance(2_000)

    await hand_back(rig)

    assert await rig.nodes(execution_id) == {"A": NodeStatus.WAITING}


async def test_patience_begins_anew_when_the_node_has_run_meanwhile(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await hand_back(rig)
    await rig.advance(HANDLER_PATIENCE_MS)
    await rig.worker.retry(await rig.worker.start_one("A"), delay_ms=1_000)
    await rig.advance(1_000)

    await hand_back(rig)

    assert await rig.nodes(execution_id) == {"A": NodeStatus.WAITING}


async def test_a_stale_task_handed_back_is_taken_off_the_stream(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    message_id: Any = await rig.redis.xadd("workflow:tasks", {"stray": "task"})

    word = await rig.transitions.hand_back_node(
        execution_id,
        "A",
        0,
        message_id=message_id.decode(),
        queue="default",
        is_offered=False,
        error=error_of(),
    )

    assert word == "stale"
    assert await rig.redis.xlen("workflow:tasks") == 1
    assert await rig.nodes(execution_id) == {"A": NodeStatus.QUEUED}
