"""Children, one script at a time: what starts, parks, wakes and closes them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.intervention_errors import NodeBusy
from orchestrator.interventions import Said
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.transitions import Holding
from tests.integration.transitions.prepared import KID, child_of
from tests.makers import Rig, error_of, node

E, N = ExecutionStatus, NodeStatus


def nested(node_id: str, *, after: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    config = {name: fields.pop(name) for name in ("wait", "parent_close_policy") if name in fields}
    return node(node_id, after=after, handler="sub_workflow", config={"workflow": KID, **config}, **fields)


async def begin(rig: Rig, *nodes: dict[str, Any], **extras: Any) -> tuple[str, str, Holding]:
    """Start the child of S; gives both executions, and the claim of the child's first node."""
    execution_id = await rig.submit(*nodes, **extras)
    held = await rig.worker.start()
    ended = await rig.transitions.start_child(held["S"], child_of(execution_id, "S"))
    assert ended.word == "ok"
    child_id = child_of(execution_id, "S").execution_id
    return execution_id, child_id, (await rig.worker.start())["x"]


async def state(rig: Rig, execution_id: str, node_id: str = "S") -> Any:
    return (await rig.engine.node(execution_id, node_id))[0]


async def resume_of(rig: Rig, execution_id: str, unit: str = "S") -> Any:
    text = await rig.redis.hget(rig.transitions.keys.runtime(execution_id), f"resume|{unit}")
    return orjson.loads(text) if text else None


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
    await rig.engine.cancel(execution_id, grace_ms=10_000, request_id="c")

    await rig.transitions.start_child(held, child_of(execution_id, "S"))

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.store.status(child_of(execution_id, "S").execution_id) is None
    assert await rig.nothing_is_left_behind()


async def test_the_tenant_is_that_of_the_parent(rig: Rig) -> None:
    submitted = await rig.engine.submit({"name": "t", "nodes": [nested("S")]}, trigger=True, tenant="acme")
    held = await rig.worker.start_one("S")

    await rig.transitions.start_child(held, child_of(submitted.execution_id, "S"))

    child = await rig.store.execution(child_of(submitted.execution_id, "S").execution_id)
    assert child is not None
    assert child.tenant == "acme"
    assert await rig.redis.zcard(rig.transitions.keys.index("acme")) == 2


async def second_attempt(rig: Rig) -> tuple[str, str, Holding, Holding]:
    """S runs again while its child does: it lost its wait, and the sweep queued it."""
    execution_id, child_id, x = await begin(rig, nested("S"))
    keys = rig.transitions.keys
    await rig.redis.hset(keys.runtime(execution_id), "child|S", "no-such-child")
    seq = await rig.engine.last_seq(execution_id)
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
    await rig.engine.cancel(execution_id, grace_ms=10_000, request_id="c")

    await rig.transitions.await_child(held, child_id, looks_again=False)

    child = await rig.store.execution(child_id)
    assert child is not None
    assert child.cancelling is Cancelling.USER
    await rig.worker.complete(x)
    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.CANCELLED] * 2
    assert await rig.nothing_is_left_behind()


async def test_a_child_is_cancelled_with_what_is_left_of_its_parents_grace(rig: Rig) -> None:
    execution_id, child_id, _ = await begin(rig, nested("S"))

    await rig.engine.cancel(execution_id, grace_ms=10_000, request_id="c")

    due_ms = await rig.redis.hget(rig.transitions.keys.runtime(child_id), "grace_ms")
    assert int(due_ms) == rig.now_ms + 10_000
    assert await rig.status(execution_id) is E.RUNNING
    await rig.advance(9_999)
    assert (await rig.nodes(child_id))["x"] is N.RUNNING
    await rig.advance(1)
    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.CANCELLED] * 2
    assert await rig.nothing_is_left_behind()


@pytest.mark.parametrize("policy", ["terminate", "abandon"])
async def test_a_policy_may_spare_the_parent_the_wait(rig: Rig, policy: str) -> None:
    execution_id, child_id, x = await begin(rig, nested("S", parent_close_policy=policy))

    await rig.engine.cancel(execution_id, grace_ms=10_000, request_id="c")

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.status(child_id) is (E.CANCELLED if policy == "terminate" else E.RUNNING)
    ended = await rig.worker.complete(x)
    assert ended.word == ("fenced" if policy == "terminate" else "ok")
    assert await rig.nodes(execution_id) == {"S": N.CANCELLED}


async def test_a_terminate_also_ends_a_child_that_was_being_cancelled(rig: Rig) -> None:
    execution_id, child_id, _ = await begin(rig, nested("S", parent_close_policy="terminate"))
    await rig.engine.cancel(child_id, grace_ms=90_000, request_id="c")

    await rig.engine.cancel(execution_id, grace_ms=10_000, request_id="d")

    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.CANCELLED] * 2


async def test_fail_fast_asks_only_what_has_not_started_in_the_child(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"), node("bad"), fail_fast=True)
    bad = (await state(rig, execution_id, "bad")).attempt
    nonce = await rig.redis.hget(rig.transitions.keys.runtime(execution_id), "nonce|bad")

    await rig.worker.fail(Holding(execution_id, "bad", bad, nonce.decode()))

    assert await rig.nodes(child_id) == {"x": N.RUNNING, "y": N.CANCELLED}
    assert await rig.status(execution_id) is E.RUNNING
    await rig.worker.complete(x)
    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.FAILED] * 2
    assert (await rig.reasons(execution_id))["S"] is Reason.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_deadline_does_not_wait_for_the_child_but_asks_it(rig: Rig) -> None:
    execution_id, child_id, _ = await begin(rig, nested("S"), execution_timeout="5s")

    await rig.advance(5_000)

    assert await rig.status(execution_id) is E.FAILED
    assert (await rig.nodes(child_id)) == {"x": N.RUNNING, "y": N.CANCELLED}
    await rig.advance(30_000)
    assert await rig.status(child_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def many(rig: Rig, count: int, **config: Any) -> tuple[str, list[str]]:
    """A node that fails, beside so many children that nobody waits for."""
    nodes = [nested(f"S{i}", wait=False, **config) for i in range(count)]
    execution_id = await rig.submit(*nodes, node("bad"))
    held: dict[str, Holding] = {}
    while len(held) < count + 1:
        held |= await rig.worker.start(1_000)
    calls = [
        rig.transitions.start_child(held[f"S{i}"], child_of(execution_id, f"S{i}")) for i in range(count)
    ]
    await rig.transitions.together(calls)
    ended = await rig.transitions.fail_node(held["bad"], error_of(), reason=Reason.ERROR, is_dead=False)
    while ended.more and await rig.go_on(execution_id) > 100:
        pass
    return execution_id, [child_of(execution_id, f"S{i}").execution_id for i in range(count)]


@pytest.mark.parametrize("policy", ["request_cancel", "terminate", "abandon"])
async def test_a_failing_parent_closes_every_child_that_nobody_waits_for(rig: Rig, policy: str) -> None:
    execution_id, children = await many(rig, 120, parent_close_policy=policy)

    assert await rig.status(execution_id) is E.FAILED
    found = await rig.store.executions(children)
    # Where a child's own turns did not fit into the call, its timer goes on with them.
    await rig.tick()
    found = await rig.store.executions(children)
    statuses = {child.status for child in found if child}
    assert statuses == ({E.RUNNING} if policy == "abandon" else {E.CANCELLED})


async def test_a_parent_that_completes_leaves_them_running(rig: Rig) -> None:
    execution_id, child_id, _ = await begin(rig, nested("S", wait=False))

    assert await rig.status(execution_id) is E.COMPLETED
    child = await rig.store.execution(child_id)
    assert child is not None
    assert (child.status, child.cancelling) == (E.RUNNING, None)


async def test_a_parent_closes_its_children_once_in_each_generation(rig: Rig) -> None:
    execution_id, children = await many(rig, 1)
    await rig.engine.retry(execution_id)
    await rig.engine.retry(children[0])
    held = await rig.worker.start()
    assert (await rig.store.executions(children))[0].status is E.RUNNING  # type: ignore[union-attr]

    await rig.worker.fail(held["bad"])

    assert await rig.status(execution_id) is E.FAILED
    assert (await rig.store.executions(children))[0].cancelling is Cancelling.USER  # type: ignore[union-attr]


async def test_a_map_that_stops_ends_the_items_whose_children_end_later(rig: Rig) -> None:
    execution_id = await rig.submit(
        nested("S", map={"items": [0, 1], "on_item_failure": "stop"}, parent_close_policy="request_cancel")
    )
    await rig.transitions.map_node(await rig.worker.start_one("S"), [b"0", b"1"], tolerated=0, stops=True)
    held = await rig.worker.start()
    child = child_of(execution_id, "S[0]")
    await rig.transitions.start_child(held["S[0]"], child)
    x = await rig.worker.start_one("x")

    await rig.worker.fail(held["S[1]"])
    assert (await state(rig, execution_id)).status is N.WAITING
    await rig.worker.complete(x)
    await rig.advance(30_000)

    assert await rig.status(child.execution_id) is E.CANCELLED
    statuses = await rig.store.items.statuses(execution_id, "S", 2)
    assert statuses == [N.CANCELLED, N.FAILED]
    assert (await state(rig, execution_id)).status is N.QUEUED


async def test_a_paused_parent_holds_the_unit_whose_child_has_ended(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"))
    await rig.engine.pause(execution_id, request_id="p")
    await rig.worker.fail(x)

    found = await state(rig, execution_id)
    assert found.status is N.PENDING
    assert await rig.repairs(execution_id) == []
    await rig.engine.resume(execution_id, request_id="r")
    assert (await state(rig, execution_id)).status is N.QUEUED
    assert await resume_of(rig, execution_id) == {"child": child_id, "status": "FAILED"}


async def test_an_operator_who_ends_the_node_ends_its_child(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"), node("B", after=["S"]))

    with pytest.raises(NodeBusy, match="child"):
        await rig.engine.hurry_node(execution_id, "S", Said("ann"))
    await rig.engine.complete_node(execution_id, "S", {"x": 1}, Said("ann"))

    assert (await rig.nodes(execution_id)) == {"S": N.COMPLETED, "B": N.QUEUED}
    child = await rig.store.execution(child_id)
    assert child is not None
    assert (child.cancelling, child.reason) == (
        Cancelling.USER,
        "an operator ended the node that waits for it",
    )
    await rig.worker.complete(x)
    assert await rig.status(child_id) is E.CANCELLED
    assert (await rig.nodes(execution_id))["S"] is N.COMPLETED


async def test_a_child_that_somebody_retried_does_not_wake_a_unit_that_waits_for_its_next_try(
    rig: Rig,
) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"))
    await rig.worker.fail(x)
    await rig.worker.retry(await rig.worker.start_one("S"), delay_ms=5_000)
    await rig.engine.retry(child_id)

    await rig.worker.fail(await rig.worker.start_one("x"))

    assert (await state(rig, execution_id)).waiting_on is WaitingOn.BACK_OFF
    await rig.advance(5_000)
    assert (await state(rig, execution_id)).status is N.QUEUED
    assert await resume_of(rig, execution_id) is None
