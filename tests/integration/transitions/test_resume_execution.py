"""Pause and resume where something is lost, large, or run by real workers; and how they are explained."""

from __future__ import annotations

import pytest

from orchestrator.definitions.budgets import Caps
from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.fake_handlers import Stage, ended, in_status, start
from tests.integration.transitions.pauses import pause, resume
from tests.makers import FakeWorker, Rig, WorkerFleet, node

E, N = ExecutionStatus, NodeStatus


async def test_many_that_are_held_are_queued_in_bounded_steps(rig: Rig) -> None:
    names = [f"n{i}" for i in range(1_200)]
    execution_id = await rig.submit(node("A"), *(node(name, after=["A"]) for name in names))
    held = await rig.worker.start_one("A")
    await pause(rig, execution_id)
    await rig.worker.complete(held)
    await rig.drain_worklist(execution_id)

    word, _, more = await rig.transitions.resume_execution(
        execution_id, by=b"null", reason=b"null", request="r"
    )

    assert (word, more) == ("ok", 1)
    assert await rig.repairs(execution_id) == []
    assert await rig.drain_worklist(execution_id) >= 2
    assert [task.node_id for task in await rig.worker.read(2_000)] == names


async def test_a_pause_drains_saved_turns_first(rig: Rig) -> None:
    names = [f"n{i}" for i in range(1_200)]
    execution_id = await rig.submit(node("A"), *(node(name, after=["A"]) for name in names))
    assert (await rig.worker.complete(await rig.worker.start_one("A"))).more

    await pause(rig, execution_id)

    assert len(await rig.worker.read(2_000)) == 1_200


async def test_a_lost_worker_and_a_drain_are_held_too(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await pause(rig, execution_id)

    await rig.transitions.release_node(held["B"])
    await rig.advance(20_000)

    assert await rig.nodes(execution_id) == {"A": N.PENDING, "B": N.PENDING}
    await resume(rig, execution_id)
    assert sorted(await rig.worker.run_all()) == ["A", "B"]


async def test_no_patience_ends_while_paused(rig: Rig) -> None:
    """Neither for a worker to take a task, nor for one that offers its handler."""
    execution_id = await rig.submit(node("A", schedule_to_start_timeout=5), node("B"), node("C"))
    tasks = {task.node_id: task for task in await FakeWorker(rig.transitions, rig.redis).read()}
    await rig.worker.hand_back(tasks["B"])
    await pause(rig, execution_id)
    await rig.worker.hand_back(tasks["C"])

    await rig.advance(400_000)

    assert await rig.nodes(execution_id) == {"A": N.PENDING, "B": N.WAITING, "C": N.PENDING}
    await resume(rig, execution_id)
    await rig.tick()
    assert set((await rig.nodes(execution_id)).values()) == {N.QUEUED}
    for task in await rig.worker.read():
        if task.node_id != "A":
            await rig.worker.hand_back(task)
    assert (await rig.nodes(execution_id))["B"] is (await rig.nodes(execution_id))["C"] is N.WAITING


async def test_what_a_pause_or_a_resume_lost_is_repaired(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]), node("C"), node("D"))
    held = await rig.worker.start()
    await rig.worker.retry(held["C"], 0)
    due_ms = rig.now_ms
    await pause(rig, execution_id)
    await rig.worker.complete(held["A"])
    await rig.tick()
    assert await rig.repairs(execution_id) == []

    await rig.redis.delete(f"workflow:{execution_id}:held")
    assert await rig.repairs(execution_id) == ["hold B", "hold C"]
    await rig.engine.executions.trigger(execution_id)
    assert await rig.repairs(execution_id) == []

    await rig.redis.delete(f"workflow:{execution_id}:held")
    await resume(rig, execution_id)
    assert await rig.repairs(execution_id) == ["queue B", f"retime C 1 back_off {due_ms}"]
    await rig.engine.executions.trigger(execution_id)
    await rig.tick()
    await rig.worker.complete(held["D"])
    assert sorted(await rig.worker.run_all()) == ["B", "C"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_pause_is_explained(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A"), node("B", after=["A"]), node("C"), node("D"), node("E", after=["D"])
    )
    tasks = {task.node_id: task for task in await rig.worker.read()}
    held = {name: rig.worker.token(tasks[name]) for name in ("A", "C")}
    for name, token in held.items():
        await rig.worker.claim(tasks[name], token)
    await rig.worker.retry(held["C"], 1_000)
    await pause(rig, execution_id)
    await rig.worker.complete(held["A"])
    await rig.advance(2_000)

    found = {row.node_id: row for row in await rig.engine.executions.explain(execution_id)}

    whole = found[None]
    assert whole.waiting_for.startswith("a resume: the execution is paused by ann since ")
    assert whole.waiting_for.endswith("(a look); nothing runs, 2 held")
    assert whole.wakes == "a resume of the execution"
    assert found["B"].waiting_for.startswith("a resume: it is ready, and the execution is paused by ann")
    assert found["C"].waiting_for.startswith("a resume: its timer (back_off) fell due at ")
    assert "the next worker that reads its task holds it" in found["D"].waiting_for
    assert found["E"].waiting_for.startswith("D (QUEUED)")


async def test_real_workers_run_nothing_of_a_paused_execution(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start()
    execution_id = await start(engine, node("A", handler="test_wait"), node("B", after=["A"]))
    await stage.started.wait()

    await engine.executions.pause(execution_id, by="ann", request_id="1")
    stage.may_go_on.set()
    await in_status(engine, execution_id, "A", N.COMPLETED)
    assert (await engine.nodes.get(execution_id, "B")).state.status is N.PENDING
    await engine.executions.resume(execution_id, by="ann", request_id="2")

    assert await ended(engine, execution_id) is E.COMPLETED
    assert (await engine.nodes.get(execution_id, "B")).output is not None


@pytest.mark.parametrize(
    ("changed", "kept"), [(Caps(200, None), Caps(200, 1_000)), (Caps(None, 9_000), Caps(100, 9_000))]
)
async def test_a_limit_that_is_not_named_stays(rig: Rig, changed: Caps, kept: Caps) -> None:
    execution_id = await rig.submit(node("A"), budget={"max_tokens": 100, "max_cost_usd": 0.000_001})
    await pause(rig, execution_id)

    await rig.transitions.resume_execution(
        execution_id, by=b"null", reason=b"null", request="r", budget=changed
    )

    execution = await rig.store.execution(execution_id)
    assert execution is not None
    assert execution.budget == kept
