"""Children, and what must survive when a turn is lost or an attempt begins anew."""

from __future__ import annotations

from orchestrator.execution.explain import explain
from orchestrator.executor import execute_workflow
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.integration.transitions.prepared_calls import child_of
from tests.integration.transitions.started_children import nested, resume_of, state
from tests.makers import Rig, error_of, node

E, N = ExecutionStatus, NodeStatus


async def test_a_mapped_node_that_is_tried_again_keeps_its_items(rig: Rig) -> None:
    execution_id = await rig.submit(nested("S", wait=False, map={"items": [0, 1]}))
    await rig.transitions.map_node(await rig.worker.start_one("S"), [b"0", b"1"], tolerated=0, stops=False)
    for unit, held in (await rig.worker.start()).items():
        await rig.transitions.start_child(held, child_of(execution_id, unit))
    what_they_came_to = {"total": 2, "failed": 0, "tolerated": 0}
    assert await resume_of(rig, execution_id) == what_they_came_to

    await rig.worker.retry(await rig.worker.start_one("S"), delay_ms=1_000)
    await rig.advance(1_000)

    assert (await state(rig, execution_id)).status is N.QUEUED
    assert await resume_of(rig, execution_id) == what_they_came_to


async def test_children_are_asked_to_end_though_the_turns_that_do_it_are_lost(rig: Rig) -> None:
    names = [f"S{i}" for i in range(120)]
    execution_id = await rig.submit(*(nested(name, wait=False) for name in names), node("bad"))
    held = await rig.worker.start(1_000)
    while len(held) < len(names) + 1:
        held |= await rig.worker.start(1_000)
    children = [child_of(execution_id, name) for name in names]
    await rig.transitions.call_all(
        [rig.transitions.start_child(held[name], child) for name, child in zip(names, children, strict=True)]
    )
    ended = await rig.transitions.fail_node(held["bad"], error_of(), reason=Reason.ERROR, is_dead=False)
    assert ended.more, "it all fitted into one call"

    await rig.redis.delete(rig.transitions.keys.worklist(execution_id))
    await execute_workflow(rig.store, rig.transitions, execution_id)
    await rig.tick()

    assert await rig.status(execution_id) is E.FAILED
    found = await rig.store.executions([child.execution_id for child in children])
    assert {child.status for child in found if child} == {E.CANCELLED}


async def test_saved_turns_are_no_fault_to_those_who_explain(rig: Rig) -> None:
    names = [f"n{i}" for i in range(200)]
    execution_id = await rig.submit(*(node(name) for name in names), trigger=False)
    await rig.transitions.cancel_execution(execution_id, reason='"x"', grace_ms=0, request_id="r")

    sight = await rig.store.read_for_repair(execution_id)
    assert sight is not None
    assert sight.snapshot.worklist, "it all fitted into one call"
    (told,) = explain(sight.snapshot, [], {})
    assert "decisions about them are still in the worklist" in told.waiting_for
    assert "repair" not in told.details
    await rig.tick()
    assert await rig.status(execution_id) is E.CANCELLED
