"""Units that look at a child they have once more, while all around them ends."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.documents.limits import Limits
from orchestrator.executor import execute_workflow
from orchestrator.operations.children import Children
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, WaitingOn
from orchestrator.store.requests import AttemptToken, OperatorNote
from tests.integration.transitions.started_children import begin, nested, state
from tests.makers import Rig, node
from workers.handlers import Catalogue

E, N = ExecutionStatus, NodeStatus


async def looking_again(
    rig: Rig, *more: dict[str, Any], **fields: Any
) -> tuple[str, str, AttemptToken, AttemptToken]:
    """A retried execution whose S runs, while its child of the time before still has its grace.

    Gives execution, child, the attempts of the child's x and of S.
    """
    execution_id, child_id, x = await begin(rig, nested("S", **fields), *more, execution_timeout="5s")
    await rig.advance(5_000)
    assert [await rig.status(each) for each in (execution_id, child_id)] == [E.FAILED, E.RUNNING]
    await rig.engine.executions.retry(execution_id)
    return execution_id, child_id, x, await rig.worker.start_one("S")


async def test_a_unit_that_comes_to_wait_during_a_cancel_ends_after_its_child(rig: Rig) -> None:
    execution_id, child_id, x, held = await looking_again(rig)
    await rig.engine.executions.cancel(execution_id, grace_ms=4_000, request_id="c")

    await rig.transitions.await_child(held, child_id, looks_again=True)

    assert await rig.status(execution_id) is E.RUNNING
    assert (await state(rig, execution_id)).waiting_on is WaitingOn.CHILD
    await rig.worker.complete(x)
    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.CANCELLED] * 2
    assert await rig.nothing_is_left_behind()


async def test_an_execution_that_ends_with_the_child_it_asks_ends_once(rig: Rig) -> None:
    execution_id, child_id, x, held = await looking_again(rig)
    await rig.worker.complete(x)
    await rig.engine.executions.retry(child_id)
    await rig.engine.executions.cancel(execution_id, grace_ms=4_000, request_id="c")

    # Nothing of the child runs, so it ends in the same call, and so does its parent.
    await rig.transitions.await_child(held, child_id, looks_again=False)

    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.CANCELLED] * 2
    events = await rig.events(execution_id)
    assert events.count("execution.cancelled") == 1
    assert events[-1] == "execution.cancelled"
    assert await rig.nothing_is_left_behind()


async def test_a_repair_that_ends_an_execution_with_its_child_ends_it_once(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"))
    await rig.worker.retry(x, 60_000)
    # As if a cancel had begun and its turns had been lost.
    cancel = {"rare": "1", "cancelling": "user"}
    await rig.redis.hset(rig.transitions.keys.runtime(execution_id), mapping=cancel)

    await execute_workflow(rig.store, rig.transitions, execution_id)

    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.CANCELLED] * 2
    assert (await rig.events(execution_id)).count("execution.cancelled") == 1
    assert await rig.nothing_is_left_behind()


async def test_a_unit_whose_child_ended_meanwhile_waits_for_nothing(rig: Rig) -> None:
    execution_id, child_id, x, held = await looking_again(rig)
    await rig.worker.fail(x)

    await rig.transitions.await_child(held, child_id, looks_again=True)

    found = await state(rig, execution_id)
    assert (found.status, found.waiting_on) == (N.QUEUED, None)


@pytest.mark.parametrize("how", ["operator", "time limit"])
async def test_what_ends_a_unit_that_runs_ends_its_child_too(rig: Rig, how: str) -> None:
    # The time limit of S is one of its new generation; B keeps the execution open.
    execution_id, child_id, x, _ = await looking_again(rig, node("B"), schedule_to_close_timeout="4s")
    await rig.worker.complete(x)
    await rig.engine.executions.retry(child_id)
    assert (await rig.store.execution(child_id)).cancelling is None  # type: ignore[union-attr]

    if how == "operator":
        await rig.engine.nodes.complete(execution_id, "S", 1, OperatorNote("ann"))
    else:
        await rig.advance(4_000)

    assert (await state(rig, execution_id)).status is (N.COMPLETED if how == "operator" else N.FAILED)
    assert await rig.status(execution_id) is E.RUNNING
    child = await rig.store.execution(child_id)
    assert child is not None
    assert (child.status, child.cancelling) == (E.CANCELLED, Cancelling.USER)


@pytest.mark.parametrize("grace_ms", [0, 30_000])
async def test_a_child_is_not_begun_again_for_a_unit_that_is_not_to_go_on(rig: Rig, grace_ms: int) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"))
    await rig.worker.fail(x)
    held = await rig.worker.start_one("S")
    children = Children(rig.store, rig.transitions, catalogue=Catalogue, limits=Limits())
    child = await rig.store.execution(child_id)
    assert child is not None
    await rig.engine.executions.cancel(execution_id, grace_ms=grace_ms, request_id="c")

    # A worker that was slow: it had found its child FAILED before the cancel came.
    assert not await children.retry(child, f"{execution_id} S {held.attempt}")

    assert await rig.status(child_id) is E.FAILED
    assert (await rig.store.execution(child_id)).generation == 1  # type: ignore[union-attr]


async def test_a_child_is_begun_again_for_the_attempt_that_runs(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"))
    await rig.worker.fail(x)
    held = await rig.worker.start_one("S")
    children = Children(rig.store, rig.transitions, catalogue=Catalogue, limits=Limits())
    child = await rig.store.execution(child_id)
    assert child is not None

    assert not await children.retry(child, f"{execution_id} S {held.attempt - 1}")
    assert await children.retry(child, f"{execution_id} S {held.attempt}")

    assert await rig.status(child_id) is E.RUNNING
