"""A dead node runs again by a retry of its execution in place: a new generation of what has to run again."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.errors import DeadEntryNotFound, InvalidTransition
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import Rig, condition, node

E, N = ExecutionStatus, NodeStatus


async def fail_for_good(rig: Rig, execution_id: str, node_id: str) -> str:
    """Run everything, failing one node; gives its entry in the list of dead ones."""
    while held := await rig.worker.start(1_000):
        for each, token in held.items():
            ended = await (
                rig.worker.fail(token, is_dead=True) if each == node_id else rig.worker.complete(token)
            )
            if ended.more:
                await rig.drain_worklist(execution_id)
    assert await rig.status(execution_id) is E.FAILED
    entry_id: str = (await rig.engine.dead_letters.list()).items[0].entry_id
    return entry_id


async def retried(rig: Rig, execution_id: str) -> Any:
    """Give the data of the event that says that an execution goes on."""
    (event,) = (
        event
        for event in await rig.engine.events.list(execution_id, limit=10_000)
        if event.type == "execution.retried"
    )
    return orjson.loads(event.data)


async def test_what_failed_and_what_it_kept_from_running_runs_again(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A"), node("B", after=["A"]), node("C", after=["B"]), node("D", after=["C", "A"])
    )
    entry_id = await fail_for_good(rig, execution_id, "B")

    retried = await rig.engine.dead_letters.requeue(entry_id)
    running = await rig.status(execution_id)
    ran = await rig.worker.run_all()

    assert (retried, running) == (execution_id, E.RUNNING)
    assert ran == ["B", "C", "D"]
    assert await rig.status(execution_id) is E.COMPLETED
    assert (await rig.engine.dead_letters.list()).items == []
    assert await rig.nothing_is_left_behind()


async def test_a_retry_of_the_execution_takes_its_nodes_off_the_list_of_the_dead(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    await fail_for_good(rig, execution_id, "A")
    other_id = await rig.submit(node("A"))
    await fail_for_good(rig, other_id, "A")

    await rig.engine.executions.retry(execution_id)

    assert [entry.execution_id for entry in (await rig.engine.dead_letters.list()).items] == [other_id]


async def test_attempts_go_on_tries_start_anew_and_history_stays(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    entry_id = await fail_for_good(rig, execution_id, "A")

    await rig.engine.dead_letters.requeue(entry_id)
    await rig.worker.run_all()

    view = await rig.engine.executions.get(execution_id)
    assert (view.nodes[0].attempt, view.nodes[0].tries, view.nodes[0].error) == (2, 1, None)
    assert view.execution.generation == 2
    events = await rig.events(execution_id)
    assert [event for event in events if event.startswith("execution.")] == [
        "execution.created",
        "execution.started",
        "execution.failed",
        "execution.retried",
        "execution.completed",
    ]


async def test_an_end_of_the_generation_before_that_comes_again_is_fenced(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.worker.fail(held)
    before = await rig.worker.fail(held)

    await rig.engine.executions.retry(execution_id)

    assert before.word == "dup"
    assert (await rig.worker.fail(held)).word == "fenced"
    assert await rig.nodes(execution_id) == {"A": N.QUEUED}


async def test_more_than_one_slice_of_nodes_is_run_again(rig: Rig) -> None:
    behind = [node(f"n{i}", after=["A"]) for i in range(1_300)]
    execution_id = await rig.submit(node("A"), *behind, node("end", after=[f"n{i}" for i in range(1_300)]))
    entry_id = await fail_for_good(rig, execution_id, "A")

    await rig.engine.dead_letters.requeue(entry_id)
    while held := await rig.worker.start(2_000):
        for token in held.values():
            if (await rig.worker.complete(token)).more:
                await rig.drain_worklist(execution_id)

    assert set((await rig.nodes(execution_id)).values()) == {N.COMPLETED}
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()
    assert await rig.redis.keys("*:reset") == []
    # So many are not named in an event.
    assert await retried(rig, execution_id) == {"nodes": None}


async def test_the_event_of_a_retry_names_what_begins_again(rig: Rig) -> None:
    execution_id = await rig.submit(node("K"), node("A"), node("B", after=["A"]))
    await rig.worker.run_all(failing=["A"])

    await rig.engine.executions.retry(execution_id)

    assert await retried(rig, execution_id) == {"nodes": ["A", "B"]}


async def test_what_a_condition_outside_the_set_left_aside_stays_aside(rig: Rig) -> None:
    execution_id = await rig.submit(
        condition("if", true=["yes"], false=["no"]),
        node("yes", after=["if"]),
        node("no", after=["if"]),
        node("join", after=["yes", "no"]),
    )
    await rig.worker.complete(await rig.worker.start_one("if"), not_taken=["no"])
    entry_id = await fail_for_good(rig, execution_id, "yes")

    await rig.engine.dead_letters.requeue(entry_id)
    ran = await rig.worker.run_all()

    assert ran == ["yes", "join"]
    assert (await rig.nodes(execution_id))["no"] is N.SKIPPED


async def test_the_deadline_is_fresh(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), execution_timeout=60)
    await rig.advance(30_000)
    entry_id = await fail_for_good(rig, execution_id, "A")
    await rig.engine.dead_letters.requeue(entry_id)

    await rig.advance(59_999)
    still = await rig.status(execution_id)
    await rig.advance(1)

    assert still is E.RUNNING
    assert await rig.status(execution_id) is E.FAILED


async def test_an_execution_that_still_runs_is_not_retried(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("slow"))
    held = await rig.worker.start()
    await rig.worker.fail(held["A"], is_dead=True)
    (entry,) = (await rig.engine.dead_letters.list()).items
    before = await rig.dump()

    with pytest.raises(InvalidTransition):
        await rig.engine.dead_letters.requeue(entry.entry_id)

    assert await rig.dump() == before
    assert await rig.status(execution_id) is E.RUNNING


async def test_an_entry_that_is_not_there_is_told_so(rig: Rig) -> None:
    for entry_id in ("1-1", "nonsense"):
        with pytest.raises(DeadEntryNotFound):
            await rig.engine.dead_letters.requeue(entry_id)
        with pytest.raises(DeadEntryNotFound):
            await rig.engine.dead_letters.drop(entry_id)


async def test_dropping_an_entry_leaves_its_node_failed(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    entry_id = await fail_for_good(rig, execution_id, "A")

    await rig.engine.dead_letters.drop(entry_id)

    assert (await rig.engine.dead_letters.list()).items == []
    assert await rig.nodes(execution_id) == {"A": N.FAILED}


async def test_a_late_slice_of_a_list_cannot_spoil_it(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.run_all(failing=["A"])
    resets, decides = ["reset A 0 0 0 0 0", "reset B 0 0 0 0 0"], ["decide A", "decide B"]
    first = rig.transitions.retry_execution(execution_id, generation=1, position=0, nodes=None, items=resets)
    await first
    last = rig.transitions.retry_execution(
        execution_id, generation=1, position=2, nodes=["A", "B"], items=decides
    )

    await first
    word, status, _ = await last
    late = await first

    assert (word, status, late[0]) == ("ok", "RUNNING", "already")
    assert await rig.worker.run_all() == ["A", "B"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_list_with_a_part_missing_is_not_committed(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all(failing=["A"])

    word, _, _ = await rig.transitions.retry_execution(
        execution_id, generation=1, position=500, nodes=["A"], items=["decide A"]
    )

    assert word == "lost"
    assert await rig.status(execution_id) is E.FAILED


async def test_a_cancelled_execution_can_be_retried_whole(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), node("C", after=["B"]))
    held = await rig.worker.start()
    await rig.worker.fail(held["A"], is_dead=True)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="1")
    (entry,) = (await rig.engine.dead_letters.list()).items

    await rig.engine.dead_letters.requeue(entry.entry_id)
    ran = await rig.worker.run_all()

    assert sorted(ran) == ["A", "B", "C"]
    assert await rig.status(execution_id) is E.COMPLETED
    assert (await rig.engine.executions.get(execution_id)).execution.cancelling is None
    assert (await rig.worker.complete(held["B"])).word in ("fenced", "dup")
