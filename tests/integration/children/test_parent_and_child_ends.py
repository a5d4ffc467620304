"""How a parent's end reaches its children, and a child's end its parent, also when something was lost."""

from __future__ import annotations

import pytest

from orchestrator.executor import execute_workflow
from orchestrator.redis_keys import Keys
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, WaitingOn
from tests.integration.child_workflows import Nursery, child_of, family, in_status, kid, parent
from tests.integration.execution_ends import ended
from tests.makers import Rig, WorkerFleet, node, until

E, N = ExecutionStatus, NodeStatus


pytestmark = pytest.mark.usefixtures("nursery")


async def parked(rig: Rig, nursery: Nursery, **fields: object) -> tuple[str, str]:
    """Start a parent whose child runs, and give both ids."""
    nursery.waiting.add("x")
    execution_id = await rig.submit(parent("S", family(), **fields))  # type: ignore[arg-type]
    state = await in_status(rig, execution_id, "S", N.WAITING)
    await in_status(rig, state.child or "", "x", N.RUNNING)
    return execution_id, state.child or ""


async def test_a_cancel_asks_the_child_and_ends_after_it(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    execution_id, child_id = await parked(rig, nursery)

    await rig.engine.executions.cancel(execution_id, grace_ms=20_000, request_id="r")

    assert await rig.status(execution_id) is E.RUNNING
    assert (await rig.nodes(child_id)) == {"x": N.RUNNING, "y": N.CANCELLED}
    assert await rig.repairs(execution_id) == []
    nursery.may_go_on.set()
    assert await ended(rig, child_id) is E.CANCELLED
    assert await ended(rig, execution_id) is E.CANCELLED
    assert (await rig.nodes(child_id))["x"] is N.COMPLETED
    assert await rig.nodes(execution_id) == {"S": N.CANCELLED}
    assert await rig.nothing_is_left_behind()


async def test_the_end_of_the_grace_ends_the_child_too(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    execution_id, child_id = await parked(rig, nursery)
    await rig.engine.executions.cancel(execution_id, grace_ms=20_000, request_id="r")

    await rig.advance(20_000)

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.status(child_id) is E.CANCELLED
    assert await rig.nodes(child_id) == {"x": N.CANCELLED, "y": N.CANCELLED}
    assert await rig.nothing_is_left_behind()


@pytest.mark.parametrize(("policy", "status"), [("terminate", E.CANCELLED), ("abandon", E.RUNNING)])
async def test_other_policies_do_not_hold_the_parent_up(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery, policy: str, status: ExecutionStatus
) -> None:
    await fleet.start()
    execution_id, child_id = await parked(rig, nursery, parent_close_policy=policy)

    await rig.engine.executions.cancel(execution_id, grace_ms=20_000, request_id="r")

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.status(child_id) is status
    nursery.may_go_on.set()
    assert await ended(rig, child_id) is (E.COMPLETED if policy == "abandon" else E.CANCELLED)
    assert await rig.nodes(execution_id) == {"S": N.CANCELLED}


async def test_a_cancel_goes_down_every_level(rig: Rig, fleet: WorkerFleet, nursery: Nursery) -> None:
    await fleet.start()
    nursery.waiting.add("x")
    inner = family(parent("T", family(kid("x"), name="third")), name="second")
    execution_id = await rig.submit(parent("S", inner))
    second = (await in_status(rig, execution_id, "S", N.WAITING)).child or ""
    third = (await in_status(rig, second, "T", N.WAITING)).child or ""
    await in_status(rig, third, "x", N.RUNNING)

    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="r")

    assert [await rig.status(each) for each in (execution_id, second, third)] == [E.CANCELLED] * 3
    assert await rig.nothing_is_left_behind()


async def test_a_retry_after_a_cancel_goes_on_with_the_cancelled_child(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    execution_id, child_id = await parked(rig, nursery)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="r")
    nursery.waiting.clear()

    await rig.engine.executions.retry(execution_id)

    assert await ended(rig, execution_id) is E.COMPLETED
    found = await child_of(rig, execution_id, "S")
    assert (found.execution_id, found.generation, found.status) == (child_id, 2, E.COMPLETED)


async def test_a_time_out_of_the_parent_reaches_the_child(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.waiting.add("x")
    execution_id = await rig.submit(parent("S", family()), execution_timeout="10m")
    state = await in_status(rig, execution_id, "S", N.WAITING)
    await in_status(rig, state.child or "", "x", N.RUNNING)

    await rig.advance(600_000)

    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nodes(execution_id) == {"S": N.CANCELLED}
    found = await child_of(rig, execution_id, "S")
    assert found.cancelling is Cancelling.USER
    assert found.reason == f"its parent execution {execution_id} is ending"
    await rig.advance(30_000)
    assert await rig.status(found.execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_fail_fast_lets_what_runs_in_the_child_end(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.waiting |= {"x", "bad"}
    nursery.failing.add("bad")
    execution_id = await rig.submit(parent("S", family()), kid("bad"), fail_fast=True)
    state = await in_status(rig, execution_id, "S", N.WAITING)
    await in_status(rig, state.child or "", "x", N.RUNNING)
    await in_status(rig, execution_id, "bad", N.RUNNING)

    nursery.may_go_on.set()

    assert await ended(rig, execution_id) is E.FAILED
    assert await ended(rig, state.child or "") is E.FAILED
    assert (await rig.nodes(state.child or "")) == {"x": N.COMPLETED, "y": N.CANCELLED}
    assert (await rig.nodes(execution_id))["S"] is N.CANCELLED
    assert await rig.nothing_is_left_behind()


@pytest.mark.parametrize("policy", ["request_cancel", "terminate", "abandon"])
async def test_a_child_that_nobody_waits_for_ends_with_a_parent_that_fails(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery, policy: str
) -> None:
    await fleet.start()
    nursery.waiting.add("x")
    nursery.failing.add("bad")

    execution_id = await rig.submit(
        parent("S", family(), wait=False, parent_close_policy=policy), kid("bad", after=["S"])
    )

    assert await ended(rig, execution_id) is E.FAILED
    found = await child_of(rig, execution_id, "S")
    wanted = {"request_cancel": Cancelling.USER, "terminate": Cancelling.USER, "abandon": None}
    assert found.cancelling is wanted[policy]
    if policy == "terminate":
        assert found.status is E.CANCELLED
    nursery.may_go_on.set()
    assert await ended(rig, found.execution_id) is (E.COMPLETED if policy == "abandon" else E.CANCELLED)


async def test_what_a_node_waits_for_is_explained_by_the_childs_name(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    execution_id, child_id = await parked(rig, nursery)

    (told,) = await rig.engine.executions.explain(execution_id)

    assert told.waiting_for == f"the end of its child execution {child_id} ('family'), which is RUNNING"
    assert told.wakes == f"the end of execution {child_id}"
    assert told.details["child"] == child_id
    assert await rig.repairs(execution_id) == []


@pytest.mark.parametrize("lost", ["wake-up", "waiting_on", "child", "execution"])
async def test_a_node_whose_child_cannot_wake_it_is_repaired(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery, lost: str
) -> None:
    await fleet.start()
    execution_id, child_id = await parked(rig, nursery)
    keys = Keys()
    if lost == "wake-up":
        # As if the child had ended in another life of Redis than its parent.
        await rig.redis.hdel(keys.runtime(child_id), "parent")
        nursery.may_go_on.set()
        await ended(rig, child_id)
    elif lost == "execution":
        await rig.redis.delete(keys.status(child_id), keys.runtime(child_id))
    else:
        await rig.redis.hdel(keys.runtime(execution_id), f"{lost}|S")
    (told,) = await rig.engine.executions.explain(execution_id)
    assert told.details["repair"]
    nursery.may_go_on.set()

    assert await execute_workflow(rig.store, rig.transitions, execution_id) == 1

    assert await ended(rig, execution_id) is E.COMPLETED
    assert await rig.repairs(execution_id) == []


async def test_the_end_of_a_child_is_not_told_to_a_parent_that_is_gone(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    execution_id, child_id = await parked(rig, nursery)
    await rig.redis.delete(*await rig.redis.keys(f"workflow:{execution_id}*"))

    nursery.may_go_on.set()

    assert await ended(rig, child_id) is E.COMPLETED
    assert await rig.redis.keys(f"workflow:{execution_id}*") == []


async def test_children_are_asked_in_turns_however_many_there_are(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    child = family(node("w", handler="wait_for_signal", config={"name": "go"}))
    execution_id = await rig.submit(parent("S", child, map={"items": list(range(120))}))

    async def all_wait() -> bool:
        states = await rig.store.items.page(execution_id, "S", 0, 120)
        return all(item.state.waiting_on is WaitingOn.CHILD for item in states)

    await until(all_wait)

    await rig.engine.executions.cancel(execution_id, grace_ms=20_000, request_id="r")

    assert await ended(rig, execution_id) is E.CANCELLED
    assert await rig.redis.scard(rig.transitions.keys.shared("active")) == 0
    assert await rig.nothing_is_left_behind()
