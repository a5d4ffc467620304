"""A drain hands attempts back: uncharged, without a hold, at once."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import Rig, node


async def test_a_released_attempt_is_queued_again_and_counts_nowhere(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))

    for _ in range(10):
        await rig.transitions.release_node(await rig.worker.start_one("A"))

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.attempt, state.tries, state.crashes) == (NodeStatus.QUEUED, 11, 0, 0)
    assert await rig.redis.zcard("workflows:leases") == await rig.redis.zcard("workflows:timers") == 0


async def test_a_late_result_of_a_released_attempt_is_refused(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.release_node(held)
    before = await rig.dump()

    ended = await rig.worker.complete(held)

    assert ended.word in ("dup", "fenced")
    assert await rig.dump() == before
    assert await rig.nodes(execution_id) == {"A": NodeStatus.QUEUED}


async def test_an_attempt_released_during_a_cancel_ends_cancelled(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, request_id="1")

    await rig.transitions.release_node(held)

    assert await rig.status(execution_id) is ExecutionStatus.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_the_event_says_why_an_attempt_was_given_back(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.transitions.release_node(await rig.worker.start_one("A"))
    await rig.transitions.release_node(await rig.worker.start_one("A"), cause="host")

    events = await rig.store.events(execution_id, after=0, limit=100)
    assert [each.data for each in events if each.type == "node.queued"][1:] == [
        b'{"cause":"drain"}',
        b'{"cause":"host"}',
    ]
