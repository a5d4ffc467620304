"""Statuses changed by hand: the next trigger dispatches exactly what is ready."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import Rig, node

E, N = ExecutionStatus, NodeStatus

DIAMOND = (
    node("A"), node("B", after=["A"]), node("C", after=["A"]), node("D", after=["B", "C"]),
)  # fmt: skip


async def set_status(rig: Rig, execution_id: str, **statuses: str) -> None:
    for node_id, status in statuses.items():
        await rig.redis.set(f"workflow:{execution_id}:node:{node_id}", status)


async def test_a_second_trigger_dispatches_what_became_ready_by_hand(rig: Rig) -> None:
    execution_id = await rig.submit(*DIAMOND, trigger=False)
    await rig.engine.executions.trigger(execution_id)
    await set_status(rig, execution_id, A="COMPLETED")

    await rig.engine.executions.trigger(execution_id)
    first = await rig.nodes(execution_id)
    await set_status(rig, execution_id, B="COMPLETED", C="COMPLETED")
    await rig.engine.executions.trigger(execution_id)
    await rig.engine.executions.trigger(execution_id)

    assert first == {"A": N.COMPLETED, "B": N.QUEUED, "C": N.QUEUED, "D": N.PENDING}
    assert (await rig.nodes(execution_id))["D"] is N.QUEUED
    entries = await rig.redis.xrange("workflow:tasks")
    assert [fields[b"node_id"] for _, fields in entries].count(b"D") == 1


async def test_a_failure_by_hand_is_carried_on(rig: Rig) -> None:
    execution_id = await rig.submit(*DIAMOND)
    await set_status(rig, execution_id, A="FAILED")

    await rig.engine.executions.trigger(execution_id)

    assert set((await rig.nodes(execution_id)).values()) == {N.FAILED, N.SKIPPED}
    assert await rig.status(execution_id) is E.FAILED


async def test_all_nodes_completed_by_hand_end_the_execution(rig: Rig) -> None:
    execution_id = await rig.submit(*DIAMOND)
    await set_status(rig, execution_id, A="COMPLETED", B="COMPLETED", C="COMPLETED", D="COMPLETED")

    await rig.engine.executions.trigger(execution_id)

    assert await rig.status(execution_id) is E.COMPLETED
    assert not await rig.redis.sismember("workflows:active", execution_id)
