"""Cancel: what has not started ends at once, what runs gets a grace; cancel or completion wins."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.errors import ExecutionNotFound, InvalidTransition
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.transitions.started_children import begin, nested
from tests.makers import FakeWorker, Rig, node

E, N = ExecutionStatus, NodeStatus


async def test_what_has_not_started_is_cancelled_at_once(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("runs"), node("waits"), node("queued"), node("pending", after=["queued"])
    )
    tasks = {task.node_id: task for task in await rig.worker.read()}
    for node_id in ("runs", "waits"):
        held = rig.worker.token(tasks[node_id])
        await rig.worker.claim(tasks[node_id], held)
        if node_id == "waits":
            await rig.worker.delay(held, 90_000)

    cancelled = await rig.engine.executions.cancel(execution_id, reason="enough", request_id="1")

    assert (cancelled.status, cancelled.already) == (E.RUNNING, False)
    nodes = await rig.nodes(execution_id)
    assert nodes.pop("runs") is N.RUNNING
    assert set(nodes.values()) == {N.CANCELLED}
    assert (await rig.engine.executions.get(execution_id)).execution.reason == "enough"
    states = {state.node_id: state for state in (await rig.engine.executions.get(execution_id)).nodes}
    assert (states["waits"].waiting_on, states["waits"].due_ms) == (None, None)


async def test_a_result_within_the_grace_is_recorded_and_the_execution_ends_cancelled(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, grace_ms=30_000, request_id="1")

    ended = await rig.worker.complete(held, {"n": 1})

    assert ended.word == "ok"
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.CANCELLED}
    assert (await rig.engine.executions.results(execution_id))["A"] == b'{"n":1}'
    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_after_the_grace_what_runs_is_fenced(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, grace_ms=5_000, request_id="1")

    early = await rig.advance(4_999)
    await rig.advance(1)

    assert early == 0
    assert await rig.status(execution_id) is E.CANCELLED
    assert (await rig.worker.complete(held)).word == "fenced"
    assert await rig.nothing_is_left_behind()


async def test_running_handlers_hear_of_it_through_their_lease(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    before = await rig.transitions.renew_leases([held], lease_ms=15_000)
    await rig.engine.executions.cancel(execution_id, request_id="1")

    during = await rig.transitions.renew_leases([held], lease_ms=15_000)
    await rig.advance(30_000)
    after = await rig.transitions.renew_leases([held], lease_ms=15_000)

    assert (before, during, after) == (["ok"], ["cancel"], ["lost"])


async def test_a_handler_that_stopped_ends_its_attempt_cancelled(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, request_id="1")

    ended = await rig.transitions.cancel_node(held)

    assert ended.word == "ok"
    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_stopping_for_a_cancel_nobody_asked_for_is_refused(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    before = await rig.dump()

    ended = await rig.transitions.cancel_node(held)

    assert ended.word == "uncalled"
    assert await rig.dump() == before


@pytest.mark.parametrize("grace_ms", [0, 30_000])
async def test_a_pending_execution_is_cancelled_whole(rig: Rig, grace_ms: int) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]), trigger=False)

    cancelled = await rig.engine.executions.cancel(execution_id, grace_ms=grace_ms, request_id="1")

    assert cancelled.status is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_failing_attempt_is_not_retried_once_a_cancel_is_accepted(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, request_id="1")

    await rig.worker.retry(held)

    assert await rig.nodes(execution_id) == {"A": N.CANCELLED}
    assert await rig.status(execution_id) is E.CANCELLED


async def test_the_same_request_again_gets_the_same_answer(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.start()
    first = await rig.engine.executions.cancel(execution_id, request_id="1")

    again = await rig.engine.executions.cancel(execution_id, request_id="1")

    assert (again.status, again.already) == (first.status, True)


@pytest.mark.parametrize(("grace_ms", "ends_after_ms"), [(0, 0), (2_000, 2_000), (60_000, 9_000)])
async def test_another_request_may_shorten_the_grace_but_not_lengthen_it(
    rig: Rig, grace_ms: int, ends_after_ms: int
) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, reason="first", grace_ms=10_000, request_id="1")
    await rig.engine.executions.cancel(execution_id, grace_ms=10_000, request_id="2")
    await rig.advance(1_000)

    hastened = await rig.engine.executions.cancel(
        execution_id, reason="next", grace_ms=grace_ms, request_id="3"
    )
    again = await rig.engine.executions.cancel(execution_id, reason="next", grace_ms=grace_ms, request_id="3")
    if ends_after_ms:
        await rig.advance(ends_after_ms - 1)
        assert await rig.status(execution_id) is E.RUNNING
        await rig.advance(1)

    assert hastened.already
    assert (again.status, again.already) == (hastened.status, True)
    assert (await rig.engine.executions.get(execution_id)).execution.reason == "first"
    assert await rig.status(execution_id) is E.CANCELLED
    assert (await rig.worker.complete(held)).word == "fenced"
    assert await rig.nothing_is_left_behind()


async def test_a_shorter_grace_reaches_children(rig: Rig) -> None:
    execution_id, child_id, held = await begin(rig, nested("S"))
    await rig.engine.executions.cancel(execution_id, grace_ms=30_000, request_id="1")

    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="2")

    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.CANCELLED] * 2
    assert (await rig.worker.complete(held)).word == "fenced"
    assert await rig.nothing_is_left_behind()


async def test_a_cancel_of_what_has_ended_is_refused_with_its_status(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()

    with pytest.raises(InvalidTransition) as refused:
        await rig.engine.executions.cancel(execution_id, request_id="1")

    assert refused.value.status == "COMPLETED"
    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.cancel("unknown", request_id="1")


async def test_cancel_or_completion_wins_never_both(rig: Rig) -> None:
    runs = []
    for _ in range(40):
        execution_id = await rig.submit(node("A"))
        runs.append((execution_id, await rig.worker.start_one("A")))

    async def cancel(execution_id: str) -> bool:
        try:
            await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="1")
        except InvalidTransition:
            return False
        return True

    for number, (execution_id, held) in enumerate(runs):
        cancelling = asyncio.create_task(cancel(execution_id)) if number % 2 else None
        ending = asyncio.create_task(rig.worker.complete(held))
        has_won = await (cancelling or asyncio.create_task(cancel(execution_id)))
        ended = await ending

        assert has_won == (ended.word == "fenced")
        assert await rig.status(execution_id) is (E.CANCELLED if has_won else E.COMPLETED)
    assert await rig.nothing_is_left_behind()


async def test_a_cancel_of_ten_thousand_nodes_works_in_bounded_steps(rig: Rig) -> None:
    nodes = [node("A"), *(node(f"n{i}", after=["A"]) for i in range(9_999))]
    execution_id = await rig.submit(*nodes)

    word, status, more = await rig.transitions.cancel_execution(
        execution_id, reason='""', grace_ms=0, request_id="1"
    )
    repairs_on_the_way = await rig.repairs(execution_id)
    await rig.drain_worklist(execution_id)

    assert (word, status, bool(more)) == ("ok", "RUNNING", True)
    assert repairs_on_the_way == []
    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_successors_of_a_node_that_finishes_within_the_grace_do_not_start(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("other"), node("B", after=["A", "other"]))
    held = await rig.worker.start()
    await rig.engine.executions.cancel(execution_id, request_id="1")
    second = FakeWorker(rig.transitions, rig.redis, "w2")

    for each in held.values():
        await rig.worker.complete(each)

    assert await second.start() == {}
    assert (await rig.nodes(execution_id))["B"] is N.CANCELLED
