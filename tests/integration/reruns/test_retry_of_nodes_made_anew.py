"""A retry of chosen nodes: maps keep the items that completed, what is behind makes all of its own anew."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import registration
from orchestrator.errors import ApprovalNotFound, InvalidTransition, NodeBusy
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.child_workflows import Nursery, family, kid, parent
from tests.integration.child_workflows import child_of as its_child
from tests.integration.execution_ends import ended
from tests.integration.handler_steps import act, output_of
from tests.integration.mapped_nodes import CALLS, statuses, tens
from tests.integration.transitions.started_children import begin, nested, state
from tests.integration.waiting_nodes import ask, decide, key, wait
from tests.makers import Rig, WorkerFleet, node

E, N = ExecutionStatus, NodeStatus

#: What still fails. A test takes out of it what is to go well from now on.
FAILING: set[Any] = set()


@pytest.fixture(autouse=True)
def handlers() -> Any:
    """Let nodes use `test_tens`, which fails for what is in FAILING, and `test_broken`, by the node's id."""

    @registration.handler("test_tens")
    async def run_item(config: dict[str, Any], context: Any) -> Any:
        CALLS[context.node_id] += 1
        if config["n"] in FAILING:
            raise ValueError(f"{config['n']} is one of them")
        return config["n"] * 10

    @registration.handler("test_broken")
    async def run_node(config: dict[str, Any], context: Any) -> Any:
        if context.node_id in FAILING:
            raise ValueError("still broken")
        return config

    CALLS.clear()
    FAILING.clear()
    yield
    registration.HANDLER_REGISTRY.pop("test_tens")
    registration.HANDLER_REGISTRY.pop("test_broken")


#: Two tries: what has failed in the second is listed as dead.
TWICE = {"max_attempts": 2, "initial_interval": 0.001, "jitter": "none"}


async def settle(rig: Rig) -> None:
    """Run what is queued, and the second tries after it."""
    await act(rig)
    await rig.advance(1_000)
    await act(rig)


def broken(node_id: str = "first", **config: Any) -> dict[str, Any]:
    FAILING.add(node_id)
    return node(node_id, handler="test_broken") | {"config": config}


async def outputs(rig: Rig, execution_id: str) -> dict[str, Any]:
    found = await rig.engine.executions.results(execution_id)
    return {node_id: output_of(output) for node_id, output in found.items()}


# Maps


async def test_failed_items_within_the_tolerance_run_again_in_a_completed_execution(rig: Rig) -> None:
    FAILING.update({1, 2})
    execution_id = await rig.submit(
        tens([0, 1, 2], tolerated_failure_count=2), node("B", after=["A"]), output={"all": "{{ A }}"}
    )
    await act(rig)
    assert await rig.status(execution_id) is E.COMPLETED
    FAILING.clear()

    preview = await rig.engine.executions.retry(execution_id, nodes=["A"], preview=True)
    await rig.engine.executions.retry(execution_id, nodes=["A"])
    during = (await outputs(rig, execution_id), (await rig.engine.executions.get(execution_id)).output)
    ran = await act(rig)

    assert preview.nodes == ("A", "B")
    assert during == ({"A": None, "B": None}, None)
    assert ran == ["A", "A[1]", "A[2]", "A", "B", "$output"]
    assert CALLS == {"A[0]": 1, "A[1]": 2, "A[2]": 2}
    assert [entry["output"] for entry in (await outputs(rig, execution_id))["A"]] == [0, 10, 20]
    assert await rig.status(execution_id) is E.COMPLETED
    types = [event for event in await rig.events(execution_id) if event.startswith("execution.")]
    assert types[-3:] == ["execution.completed", "execution.retried", "execution.completed"]
    with pytest.raises(NodeBusy, match="it is COMPLETED"):
        await rig.engine.executions.retry(execution_id, nodes=["A"])


async def test_failed_items_within_the_tolerance_are_no_dead_letters(rig: Rig) -> None:
    FAILING.update({1, 2})
    tolerant = await rig.submit(tens([0, 1, 2], tolerated_failure_count=2, retry=TWICE))
    await settle(rig)
    assert await rig.status(tolerant) is E.COMPLETED
    listed = [entry.node_id for entry in (await rig.engine.dead_letters.list()).items]

    strict = await rig.submit(tens([0, 1, 2], tolerated_failure_count=1, retry=TWICE))
    await settle(rig)

    assert listed == []
    assert await rig.status(strict) is E.FAILED
    assert [entry.node_id for entry in (await rig.engine.dead_letters.list()).items] == ["A[2]"]


async def test_a_failed_map_keeps_the_items_that_completed(rig: Rig) -> None:
    FAILING.update({1, "X"})
    execution_id = await rig.submit(tens([0, 1, 2]), node("X", handler="test_broken"))
    await act(rig)
    assert await statuses(rig, execution_id) == [N.COMPLETED, N.FAILED, N.COMPLETED]
    FAILING.clear()

    await rig.engine.executions.retry(execution_id, nodes=["A"])
    await act(rig)

    assert CALLS == {"A[0]": 1, "A[1]": 2, "A[2]": 1}
    assert (await outputs(rig, execution_id))["A"] == [0, 10, 20]
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "X": N.FAILED}


async def test_a_map_behind_lists_its_items_anew(rig: Rig) -> None:
    FAILING.add(2)
    execution_id = await rig.submit(
        broken(rows=[7]),
        tens(
            "{{ first.rows | default([1, 2, 3]) }}",
            after=["first"],
            tolerated_failure_count=1,
            retry=TWICE,
        )
        | {"trigger_rule": "all_done"},
    )
    await settle(rig)
    assert await statuses(rig, execution_id) == [N.COMPLETED, N.FAILED, N.COMPLETED]
    FAILING.clear()

    await rig.engine.executions.retry(execution_id, nodes=["first"])
    during = (await rig.engine.nodes.items(execution_id, "A", limit=10)).items
    ran = await act(rig)

    assert during == []
    assert ran == ["first", "A", "A[0]", "A"]
    assert (await outputs(rig, execution_id))["A"] == [{"index": 0, "status": "COMPLETED", "output": 70}]
    item = (await rig.store.items.page(execution_id, "A", 0, 1))[0].state
    # It goes on counting where its namesake has stopped.
    assert (item.attempt, item.tries) == (2, 1)
    assert (await rig.engine.dead_letters.list()).items == []
    assert await rig.status(execution_id) is E.COMPLETED


async def test_dead_items_of_a_map_behind_are_off_the_list(rig: Rig) -> None:
    FAILING.update({1, 2})
    execution_id = await rig.submit(
        broken(rows=[3]),
        tens("{{ first.rows | default([1, 2]) }}", after=["first"], retry=TWICE)
        | {"trigger_rule": "all_done"},
    )
    await settle(rig)
    assert [entry.node_id for entry in (await rig.engine.dead_letters.list()).items] == ["A[1]", "A[0]"]
    FAILING.clear()

    await rig.engine.executions.retry(execution_id, nodes=["first"])

    assert (await rig.engine.dead_letters.list()).items == []
    await act(rig)
    assert await rig.status(execution_id) is E.COMPLETED


# Waits


async def test_an_approval_behind_is_asked_for_anew(rig: Rig) -> None:
    execution_id = await rig.submit(broken(), ask(after=["first"]) | {"trigger_rule": "all_done"})
    await act(rig)
    await decide(rig, execution_id, "deny", "ann", idempotency=key("a"))
    assert (await outputs(rig, execution_id))["P"]["decision"] == "deny"
    FAILING.clear()

    await rig.engine.executions.retry(execution_id, nodes=["first"])
    with pytest.raises(ApprovalNotFound):
        await rig.engine.approvals.get(execution_id, "P")
    await act(rig)

    found = await rig.engine.approvals.get(execution_id, "P")
    assert (found.is_pending, found.given, found.votes, found.output) == (True, 0, b"[]", None)
    await decide(rig, execution_id, "approve", "bob", idempotency=key("b"))
    assert (await outputs(rig, execution_id))["P"]["by"] == "bob"
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_a_signal_behind_is_waited_for_anew(rig: Rig) -> None:
    execution_id = await rig.submit(broken(), wait(after=["first"]) | {"trigger_rule": "all_done"})
    await act(rig)
    await rig.engine.signals.send(execution_id, "go", {"n": 1}, idempotency=key("a"))
    FAILING.clear()

    await rig.engine.executions.retry(execution_id, nodes=["first"])
    await act(rig)
    waits = (await rig.nodes(execution_id))["W"]
    # The same request again is the same signal, and that has been used.
    await rig.engine.signals.send(execution_id, "go", {"n": 1}, idempotency=key("a"))
    still = (await rig.nodes(execution_id))["W"]
    await rig.engine.signals.send(execution_id, "go", {"n": 2}, idempotency=key("b"))
    await act(rig)

    assert (waits, still) == (N.WAITING, N.WAITING)
    assert (await outputs(rig, execution_id))["W"] == {"n": 2}
    assert await rig.status(execution_id) is E.COMPLETED


# Children


async def test_a_child_behind_is_a_new_execution(rig: Rig, fleet: WorkerFleet, nursery: Nursery) -> None:
    await fleet.start()
    nursery.failing = {"A"}
    execution_id = await rig.submit(
        kid("A"), parent("S", family(kid("x")), after=["A"], trigger_rule="all_done")
    )
    assert await ended(rig, execution_id) is E.FAILED
    first = await its_child(rig, execution_id, "S")
    nursery.failing = set()

    await rig.engine.executions.retry(execution_id, nodes=["A"])

    assert await ended(rig, execution_id) is E.COMPLETED
    second = await its_child(rig, execution_id, "S")
    assert nursery.calls == {"A": 2, "x": 2}
    assert second.execution_id != first.execution_id
    assert [each.generation for each in (first, second)] == [1, 1]
    children = (await rig.engine.executions.children(execution_id)).items
    assert [child.execution_id for child in children] == [first.execution_id, second.execution_id]


async def test_children_of_items_behind_are_new_ones_too(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.failing = {"A"}
    child = parent("S", family(kid("x")), after=["A"], trigger_rule="all_done", map={"items": [1, 2]})
    execution_id = await rig.submit(kid("A"), child)
    assert await ended(rig, execution_id) is E.FAILED
    nursery.failing = set()

    await rig.engine.executions.retry(execution_id, nodes=["A"])

    assert await ended(rig, execution_id) is E.COMPLETED
    assert nursery.calls == {"A": 2, "x": 4}
    assert len((await rig.engine.executions.children(execution_id)).items) == 4


async def test_a_node_that_is_named_has_its_child_go_on(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"))
    await rig.worker.fail(x)
    await rig.worker.fail(await rig.worker.start_one("S"))
    assert await rig.status(execution_id) is E.FAILED

    await rig.engine.executions.retry(execution_id, nodes=["S"])

    assert (await state(rig, execution_id)).child == child_id


async def test_nodes_of_a_child_are_for_its_root(rig: Rig) -> None:
    execution_id, child_id, x = await begin(rig, nested("S"))
    await rig.worker.fail(x)
    before = await rig.dump()

    with pytest.raises(InvalidTransition, match=f"name nodes of its root execution {execution_id}"):
        await rig.engine.executions.retry(child_id, nodes=["x"])

    assert await rig.dump() == before


async def test_many_dead_items_are_taken_off_the_list_in_bounded_steps(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A", handler="test_broken"),
        tens([0, 1, 2], after=["A"], retry=TWICE) | {"id": "M", "trigger_rule": "all_done"},
    )
    FAILING.update({"A", 0, 1, 2})
    await settle(rig)
    # As if there had been so many items, all of them dead: running them would take the test minutes.
    runtime, stream = f"workflow:{execution_id}:runtime", "workflows:dead"
    await rig.redis.hset(f"workflow:{execution_id}:node:M:items", "total", 4_000)
    for index in range(3, 4_000):
        entry = await rig.redis.xadd(stream, {"execution_id": execution_id, "node_id": f"M[{index}]"})
        await rig.redis.hset(runtime, f"dead|M[{index}]", entry)

    await rig.engine.executions.retry(execution_id, nodes=["A"])

    assert await rig.redis.exists(f"workflow:{execution_id}:node:M:items") == 0
    assert await rig.redis.xlen(stream) == 0
    assert not [name for name in await rig.redis.hkeys(runtime) if name.startswith(b"dead|")]
    assert await rig.nodes(execution_id) == {"A": N.QUEUED, "M": N.PENDING}
