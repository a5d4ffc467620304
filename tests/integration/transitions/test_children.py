"""Children, one script at a time: what starts them, and what parks and wakes their units."""

from __future__ import annotations

import pytest

from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, WaitingOn
from orchestrator.store.replies import Claim
from orchestrator.store.requests import AttemptToken
from tests.integration.transitions.prepared_calls import child_of
from tests.integration.transitions.started_children import begin, nested, resume_of, state
from tests.makers import Rig, node

E, N = ExecutionStatus, NodeStatus


async def test_the_child_starts_in_the_call_that_parks_its_unit(rig: Rig) -> None:
    execution_id, child_id, _ = await begin(rig, nested("S"), node("B", after=["S"]))

    found = await state(rig, execution_id)
    child = await rig.store.execution(child_id)
    assert (found.status, found.waiting_on, found.child) == (N.WAITING, WaitingOn.CHILD, child_id)
    assert child is not None
    assert (child.status, child.parent, child.parent_unit, child.depth) == (E.RUNNING, execution_id, "S", 1)
    assert child.inputs == {"n": 1}
    listed = await rig.redis.lrange(rig.transitions.keys.children(execution_id), 0, -1)
    assert listed == [f"{child_id} S".encode()]
    assert await rig.redis.zscore(rig.transitions.keys.index("default"), child_id) is not None
    assert await rig.repairs(execution_id) == []


@pytest.mark.parametrize("fails", [False, True])
async def test_the_end_of_the_child_queues_its_unit_in_the_same_call(rig: Rig, fails: bool) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"))
    if fails:
        await rig.worker.fail(x)
    else:
        await rig.worker.complete(x)
        await rig.worker.complete(await rig.worker.start_one("y"))

    found = await state(rig, execution_id)
    assert (found.status, found.waiting_on, found.attempt) == (N.QUEUED, None, 2)
    status = "FAILED" if fails else "COMPLETED"
    assert await resume_of(rig, execution_id) == {"child": child_id, "status": status}
    assert (await rig.events(execution_id))[-1] == "node.queued:S"
    # Making use of what it waited for is not another try.
    await rig.worker.start_one("S")
    assert (await state(rig, execution_id)).tries == 1


async def test_a_child_that_is_not_waited_for_lets_its_unit_complete(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S", wait=False))

    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.store.output(execution_id, "S") == child_of(execution_id, "S").output
    await rig.worker.complete(x)
    await rig.worker.complete(await rig.worker.start_one("y"))
    assert await rig.status(child_id) is E.COMPLETED
    assert (await rig.events(execution_id))[-1] == "execution.completed"


@pytest.mark.parametrize(("depth", "status"), [(2, N.WAITING), (3, N.FAILED)])
async def test_levels_below_the_root_are_counted(rig: Rig, depth: int, status: NodeStatus) -> None:
    execution_id = await rig.submit(nested("S"))
    await rig.redis.hset(rig.transitions.keys.runtime(execution_id), "depth", depth)
    held = await rig.worker.start_one("S")

    await rig.transitions.start_child(held, child_of(execution_id, "S"))

    found = await state(rig, execution_id)
    child = await rig.store.execution(child_of(execution_id, "S").execution_id)
    assert found.status is status
    if status is N.FAILED:
        assert child is None
        assert found.error["message"] == "too deep"
    else:
        assert child is not None
        assert child.depth == 3


async def test_nothing_is_started_once_a_cancel_is_under_way(rig: Rig) -> None:
    execution_id = await rig.submit(nested("S"))
    held = await rig.worker.start_one("S")
    await rig.engine.executions.cancel(execution_id, grace_ms=10_000, request_id="c")

    await rig.transitions.start_child(held, child_of(execution_id, "S"))

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.store.status(child_of(execution_id, "S").execution_id) is None
    assert await rig.nothing_is_left_behind()


async def test_the_tenant_is_that_of_the_parent(rig: Rig) -> None:
    submitted = await rig.engine.of("acme").executions.submit(
        {"name": "t", "nodes": [nested("S")]}, trigger=True
    )
    held = await rig.worker.start_one("S")

    await rig.transitions.start_child(held, child_of(submitted.execution_id, "S"))

    child = await rig.store.execution(child_of(submitted.execution_id, "S").execution_id)
    assert child is not None
    assert child.tenant == "acme"
    assert await rig.redis.zcard(rig.transitions.keys.index("acme")) == 2
    (task,) = await rig.worker.read()
    claim = await rig.worker.claim(task)
    assert isinstance(claim, Claim)
    assert (claim.execution_id, claim.tenant) == (child.execution_id, "acme")


async def second_attempt(rig: Rig) -> tuple[str, str, AttemptToken, AttemptToken]:
    """S runs again while its child does: it lost its wait, and the sweep queued it."""
    execution_id, child_id, x = await begin(rig, nested("S"))
    keys = rig.transitions.keys
    await rig.redis.hset(keys.runtime(execution_id), "child|S", "no-such-child")
    seq = await rig.engine.events.last_seq(execution_id)
    await rig.transitions.repair_execution(execution_id, seq=seq, repairs=["child S"])
    await rig.redis.hset(keys.runtime(execution_id), "child|S", child_id)
    return execution_id, child_id, x, await rig.worker.start_one("S")


async def test_a_unit_may_wait_for_the_child_it_has(rig: Rig) -> None:
    execution_id, child_id, x, held = await second_attempt(rig)

    await rig.transitions.await_child(held, child_id, looks_again=False)

    assert (await state(rig, execution_id)).waiting_on is WaitingOn.CHILD
    await rig.worker.fail(x)
    assert await resume_of(rig, execution_id) == {"child": child_id, "status": "FAILED"}


async def test_one_that_has_ended_meanwhile_is_made_use_of_at_once(rig: Rig) -> None:
    execution_id, child_id, x, held = await second_attempt(rig)
    await rig.worker.fail(x)
    assert (await state(rig, execution_id)).status is N.RUNNING

    await rig.transitions.await_child(held, child_id, looks_again=False)

    assert (await state(rig, execution_id)).status is N.QUEUED
    assert await resume_of(rig, execution_id) == {"child": child_id, "status": "FAILED"}


@pytest.mark.parametrize("is_over", [False, True])
async def test_an_end_that_is_not_the_one_waited_for_lets_a_worker_look_again(
    rig: Rig, is_over: bool
) -> None:
    execution_id, child_id, x, held = await second_attempt(rig)
    if is_over:
        await rig.worker.fail(x)

    await rig.transitions.await_child(held, child_id, looks_again=True)
    if not is_over:
        await rig.worker.fail(x)

    assert (await state(rig, execution_id)).status is N.QUEUED
    assert await resume_of(rig, execution_id) is None


async def test_a_unit_that_comes_to_wait_in_a_cancel_asks_its_child(rig: Rig) -> None:
    execution_id, child_id, x, held = await second_attempt(rig)
    await rig.engine.executions.cancel(execution_id, grace_ms=10_000, request_id="c")

    await rig.transitions.await_child(held, child_id, looks_again=False)

    child = await rig.store.execution(child_id)
    assert child is not None
    assert child.cancelling is Cancelling.USER
    await rig.worker.complete(x)
    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.CANCELLED] * 2
    assert await rig.nothing_is_left_behind()
