"""Pause and resume: what runs goes on, what becomes ready is held, and a resume goes on with it in order."""

from __future__ import annotations

import pytest

from orchestrator.errors import ExecutionNotFound, InvalidTransition
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from tests.integration.handler_steps import act
from tests.integration.transitions.pauses import pause, resume
from tests.integration.transitions.prepared_calls import GO
from tests.integration.waiting_nodes import asking, decide, output, wait, waiting
from tests.makers import Rig, node

E, N = ExecutionStatus, NodeStatus


async def test_what_runs_ends_and_is_recorded_and_what_becomes_ready_is_held(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A"), node("B", after=["A"]), node("X"), node("Y", after=["X"]), node("J", after=["A", "X"])
    )
    held = await rig.worker.start()

    done = await pause(rig, execution_id)
    await rig.worker.complete(held["A"])
    await rig.worker.fail(held["X"])

    assert (done.status, done.already) == (E.PAUSED, False)
    assert await rig.nodes(execution_id) == {
        "A": N.COMPLETED, "B": N.PENDING, "X": N.FAILED, "Y": N.SKIPPED, "J": N.SKIPPED,
    }  # fmt: skip
    assert await rig.worker.read() == []
    assert await rig.repairs(execution_id) == []
    await resume(rig, execution_id)
    assert await rig.worker.run_all() == ["B"]
    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nothing_is_left_behind()


async def test_a_queued_task_is_held_when_a_worker_comes_to_it_and_no_try_is_charged(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    (task,) = await rig.worker.read()
    await pause(rig, execution_id)

    assert await rig.worker.claim(task) == "held"

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.attempt, state.tries) == (N.PENDING, 1, 0)
    assert await rig.redis.xlen("workflow:tasks") == 0
    await resume(rig, execution_id)
    held = await rig.worker.start_one("A")
    assert held.attempt == 2
    await rig.worker.complete(held)
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_worker_that_ends_an_attempt_takes_nothing_of_a_paused_execution_along(rig: Rig) -> None:
    paused = await rig.submit(node("A"))
    await rig.submit(node("Z"))
    tasks = {task.node_id: task for task in await rig.worker.read()}
    held = rig.worker.token(tasks["Z"])
    await rig.worker.claim(tasks["Z"], held)
    other = await rig.submit(node("B"))
    await pause(rig, other)

    taken = await rig.worker.complete(held, claiming=rig.worker.claiming())

    assert taken.claims == []
    assert (await rig.nodes(other), await rig.nodes(paused)) == ({"B": N.PENDING}, {"A": N.QUEUED})


async def test_a_resume_queues_what_was_held_in_order(rig: Rig) -> None:
    names = [f"n{i}" for i in range(8)]
    execution_id = await rig.submit(*(node(name) for name in names))
    tasks = {task.node_id: task for task in await rig.worker.read()}
    await pause(rig, execution_id)
    order = ["n5", "n1", "n7", "n0", "n2", "n6", "n3", "n4"]
    for name in order:
        await rig.worker.claim(tasks[name])

    await resume(rig, execution_id)

    assert [task.node_id for task in await rig.worker.read()] == order


async def test_a_back_off_that_is_due_waits_for_the_resume(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await rig.worker.retry(held["A"], 1_000)
    await rig.worker.retry(held["B"], 60_000)
    await pause(rig, execution_id)

    await rig.advance(5_000)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.waiting_on) == (N.WAITING, WaitingOn.BACK_OFF)
    assert await rig.advance(1_000) == 0, "a timer that is held must not be looked at again and again"
    assert await rig.repairs(execution_id) == []
    await resume(rig, execution_id)
    await rig.tick()
    assert await rig.nodes(execution_id) == {"A": N.QUEUED, "B": N.WAITING}


async def test_a_delay_that_is_due_completes_with_the_resume(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.delay(await rig.worker.start_one("A"), 1_000)
    await pause(rig, execution_id)

    await rig.advance(5_000)

    assert await rig.nodes(execution_id) == {"A": N.WAITING, "B": N.PENDING}
    await resume(rig, execution_id)
    await rig.tick()
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.QUEUED}
    assert (await rig.engine.nodes.get(execution_id, "A")).output == b'{"status":"ok"}'


async def test_answers_are_taken_while_paused_and_what_follows_is_held(rig: Rig) -> None:
    signalled = await waiting(rig, node("B", after=["W"]))
    decided = await asking(rig, node("B", after=["P"]))
    for execution_id in (signalled, decided):
        await pause(rig, execution_id)

    await rig.engine.signals.send(signalled, "go", {"n": 1})
    await decide(rig, decided)

    assert await rig.nodes(signalled) == {"W": N.COMPLETED, "B": N.PENDING}
    assert await rig.nodes(decided) == {"P": N.COMPLETED, "B": N.PENDING}
    for execution_id in (signalled, decided):
        await resume(rig, execution_id)
        assert await rig.worker.run_all() == ["B"]
        assert await rig.status(execution_id) is E.COMPLETED


async def test_the_time_limit_of_a_wait_is_held_and_an_answer_still_counts(rig: Rig) -> None:
    execution_id = await waiting(rig, timeout="1s")
    await pause(rig, execution_id)
    await rig.advance(10_000)

    await rig.engine.signals.send(execution_id, "go", {"n": 1})

    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_a_kept_signal_is_handed_over_after_the_resume(rig: Rig) -> None:
    execution_id = await rig.submit(wait())
    held = await rig.worker.start_one("W")
    await pause(rig, execution_id)
    await rig.engine.signals.send(execution_id, "go", 7)

    await rig.transitions.await_node(held, GO)

    assert await rig.nodes(execution_id) == {"W": N.PENDING}
    await resume(rig, execution_id)
    assert await act(rig) == ["W"]
    assert await output(rig, execution_id) == 7


async def test_the_deadline_of_the_execution_strikes_while_paused(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]), execution_timeout=60)
    held = await rig.worker.start_one("A")
    await pause(rig, execution_id)
    await rig.worker.complete(held)

    await rig.advance(60_000)

    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.CANCELLED}
    assert await rig.redis.exists(f"workflow:{execution_id}:held") == 0
    assert await rig.nothing_is_left_behind()


async def test_a_cancel_ends_what_is_paused_and_gives_what_runs_its_grace(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), node("C", after=["A"]))
    held = await rig.worker.start()
    await pause(rig, execution_id)
    await rig.worker.complete(held["A"])

    await rig.engine.executions.cancel(execution_id, grace_ms=10_000, request_id="c1")

    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.RUNNING, "C": N.CANCELLED}
    with pytest.raises(InvalidTransition, match="being cancelled"):
        await resume(rig, execution_id)
    (explained,) = await rig.engine.executions.explain(execution_id)
    assert (explained.node_id, "it is being cancelled" in explained.waiting_for) == ("B", True)
    assert explained.until_ms == rig.now_ms + 10_000
    assert "the end of its grace at" in explained.wakes
    await rig.advance(10_000)
    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_an_execution_whose_nodes_all_end_while_paused_ends_at_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await pause(rig, execution_id)

    await rig.worker.complete(held)

    assert await rig.status(execution_id) is E.COMPLETED
    view = (await rig.engine.executions.get(execution_id)).execution
    assert (view.paused, view.paused_by) == (None, None)
    with pytest.raises(InvalidTransition, match="COMPLETED"):
        await resume(rig, execution_id)


async def test_what_failed_while_paused_is_retried_in_place_and_runs(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await rig.worker.fail(held["A"])
    await pause(rig, execution_id)
    await rig.worker.complete(held["B"])
    assert await rig.status(execution_id) is E.FAILED

    await rig.engine.executions.retry(execution_id)

    assert await rig.status(execution_id) is E.RUNNING
    assert await rig.worker.run_all() == ["A"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_the_same_request_again_gets_the_same_answer(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))

    first, again = await pause(rig, execution_id), await pause(rig, execution_id)
    resumed = await resume(rig, execution_id)
    late = await pause(rig, execution_id)
    other = await resume(rig, execution_id, "r2")

    assert (first.already, again.already) == (False, True)
    assert (resumed.status, resumed.already) == (E.RUNNING, False)
    assert (late.status, late.already) == (E.RUNNING, True), "a repeat that comes late must not pause again"
    assert (other.status, other.already) == (E.RUNNING, True)
    assert (await rig.events(execution_id)).count("execution.paused") == 1


async def test_what_is_not_under_way_cannot_be_paused(rig: Rig) -> None:
    pending = await rig.submit(node("A"), trigger=False)
    done = await rig.submit(node("A"))
    await rig.worker.run_all()

    for execution_id, status in ((pending, "PENDING"), (done, "COMPLETED")):
        for verb in (pause, resume):
            with pytest.raises(InvalidTransition, match=status):
                await verb(rig, execution_id)
    with pytest.raises(ExecutionNotFound):
        await pause(rig, "nothing")


async def test_what_is_being_cancelled_cannot_be_paused(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.start()
    await rig.engine.executions.cancel(execution_id, request_id="c")

    with pytest.raises(InvalidTransition, match="being cancelled"):
        await pause(rig, execution_id)

    assert await rig.status(execution_id) is E.RUNNING


async def test_quiesced_says_when_nothing_runs(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")

    async def is_quiesced() -> bool:
        return (await rig.engine.executions.get(execution_id)).is_quiesced

    assert not await is_quiesced()
    await pause(rig, execution_id)
    assert not await is_quiesced()
    await rig.worker.complete(held)
    assert await is_quiesced()
    await resume(rig, execution_id)
    assert not await is_quiesced()
