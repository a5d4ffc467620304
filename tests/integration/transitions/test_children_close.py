"""Children, one script at a time: what becomes of them with their parent, and of their parent with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from orchestrator.errors import NodeBusy
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.store.layout import lay_out
from orchestrator.store.records import read_record
from orchestrator.store.requests import AttemptToken, OperatorNote
from tests.dags import compiled
from tests.integration.transitions.prepared_calls import KID, child_of
from tests.integration.transitions.started_children import begin, nested, resume_of, state
from tests.makers import Rig, error_of, node

E, N = ExecutionStatus, NodeStatus


async def test_a_child_is_cancelled_with_what_is_left_of_its_parents_grace(rig: Rig) -> None:
    execution_id, child_id, _ = await begin(rig, nested("S"))

    await rig.engine.executions.cancel(execution_id, grace_ms=10_000, request_id="c")

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

    await rig.engine.executions.cancel(execution_id, grace_ms=10_000, request_id="c")

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.status(child_id) is (E.CANCELLED if policy == "terminate" else E.RUNNING)
    ended = await rig.worker.complete(x)
    assert ended.word == ("fenced" if policy == "terminate" else "ok")
    assert await rig.nodes(execution_id) == {"S": N.CANCELLED}


async def test_a_terminate_also_ends_a_child_that_was_being_cancelled(rig: Rig) -> None:
    execution_id, child_id, _ = await begin(rig, nested("S", parent_close_policy="terminate"))
    await rig.engine.executions.cancel(child_id, grace_ms=90_000, request_id="c")

    await rig.engine.executions.cancel(execution_id, grace_ms=10_000, request_id="d")

    assert [await rig.status(each) for each in (child_id, execution_id)] == [E.CANCELLED] * 2


async def test_fail_fast_asks_only_what_has_not_started_in_the_child(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"), node("bad"), fail_fast=True)
    record = read_record(await rig.redis.hget(rig.transitions.keys.runtime(execution_id), "r|bad"))

    await rig.worker.fail(AttemptToken(execution_id, "bad", record.attempt, record.nonce or ""))

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
    held: dict[str, AttemptToken] = {}
    while len(held) < count + 1:
        held |= await rig.worker.start(1_000)
    calls = [
        rig.transitions.start_child(held[f"S{i}"], child_of(execution_id, f"S{i}")) for i in range(count)
    ]
    await rig.transitions.call_all(calls)
    ended = await rig.transitions.fail_node(held["bad"], error_of(), reason=Reason.ERROR, is_dead=False)
    while ended.more and await rig.drain_worklist(execution_id) > 100:
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


@pytest.mark.parametrize("policy", ["request_cancel", "terminate"])
async def test_a_child_that_is_closed_as_it_starts_ends_with_its_output(rig: Rig, policy: str) -> None:
    execution_id = await rig.submit(nested("S", wait=False, parent_close_policy=policy), node("bad"))
    held = await rig.worker.start()
    await rig.worker.fail(held["bad"])
    document = {**KID, "output": {"of": "the whole"}}
    last = lay_out(compiled(document)).last
    child = replace(child_of(execution_id, "S"), definition=orjson.dumps(document), last=last)

    await rig.transitions.start_child(held["S"], child)

    assert await rig.status(execution_id) is E.FAILED
    assert await rig.status(child.execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_parent_that_completes_leaves_them_running(rig: Rig) -> None:
    execution_id, child_id, _ = await begin(rig, nested("S", wait=False))

    assert await rig.status(execution_id) is E.COMPLETED
    child = await rig.store.execution(child_id)
    assert child is not None
    assert (child.status, child.cancelling) == (E.RUNNING, None)


async def test_a_parent_closes_its_children_once_in_each_generation(rig: Rig) -> None:
    execution_id, children = await many(rig, 1)
    await rig.engine.executions.retry(execution_id)
    await rig.engine.executions.retry(children[0])
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
    await rig.engine.executions.pause(execution_id, request_id="p")
    await rig.worker.fail(x)

    found = await state(rig, execution_id)
    assert found.status is N.PENDING
    assert await rig.repairs(execution_id) == []
    await rig.engine.executions.resume(execution_id, request_id="r")
    assert (await state(rig, execution_id)).status is N.QUEUED
    assert await resume_of(rig, execution_id) == {"child": child_id, "status": "FAILED"}


async def test_an_operator_who_ends_the_node_ends_its_child(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"), node("B", after=["S"]))

    with pytest.raises(NodeBusy, match="child"):
        await rig.engine.nodes.retry_now(execution_id, "S", OperatorNote("ann"))
    await rig.engine.nodes.complete(execution_id, "S", {"x": 1}, OperatorNote("ann"))

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
    await rig.engine.executions.retry(child_id)

    await rig.worker.fail(await rig.worker.start_one("x"))

    assert (await state(rig, execution_id)).waiting_on is WaitingOn.BACK_OFF
    await rig.advance(5_000)
    assert (await state(rig, execution_id)).status is N.QUEUED
    assert await resume_of(rig, execution_id) is None
