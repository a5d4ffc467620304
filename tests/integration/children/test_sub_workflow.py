"""Nodes that run another workflow as a child execution."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.loops import timers
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, WaitingOn
from tests.integration.child_workflows import (
    Nursery,
    child_of,
    family,
    in_status,
    kid,
    output,
    parent,
    state_of,
)
from tests.integration.execution_ends import ended
from tests.makers import Rig, WorkerFleet, node

E, N = ExecutionStatus, NodeStatus


pytestmark = pytest.mark.usefixtures("nursery")


async def test_the_output_is_that_of_the_childs_nodes_by_id(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    child = family(kid("x", config={"n": "{{ inputs.n }}"}), kid("y", after=["x"]))

    execution_id = await rig.submit(
        kid("A"),
        parent("S", child, after=["A"], inputs={"n": "{{ 1 + 1 }}"}),
        kid("B", after=["S"], config={"got": "{{ S.x.n }}"}),
    )

    assert await ended(rig, execution_id) is E.COMPLETED
    assert await output(rig, execution_id, "S") == {"x": {"of": "x", "n": 2}, "y": {"of": "y"}}
    assert (await output(rig, execution_id, "B"))["got"] == 2
    assert await rig.nothing_is_left_behind()


async def test_parent_and_child_know_each_other(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await rig.submit(parent("S", family()))
    await ended(rig, execution_id)

    found = await child_of(rig, execution_id, "S")
    assert (await state_of(rig, execution_id, "S")).child == found.execution_id
    assert (found.parent, found.parent_unit, found.depth) == (execution_id, "S", 1)
    assert found.execution_id[-3:] == execution_id[-3:]
    first = (await rig.store.events(found.execution_id, after=0, limit=1))[0]
    assert orjson.loads(first.data) == {"parent": execution_id, "node": "S"}


async def test_a_child_starts_whose_static_layout_is_long_and_whose_nodes_are_few(
    rig: Rig, fleet: WorkerFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.store.layout.STATICS", 4)
    await fleet.start()

    execution_id = await rig.submit(parent("S", family(kid("x"), kid("y", after=["x"]))))

    assert await ended(rig, execution_id) is E.COMPLETED


async def test_no_worker_is_held_while_the_child_runs(rig: Rig, fleet: WorkerFleet, nursery: Nursery) -> None:
    worker = await fleet.start(concurrency=1)
    nursery.waiting.add("x")

    execution_id = await rig.submit(parent("S", family(kid("x"))))

    state = await in_status(rig, execution_id, "S", N.WAITING)
    assert state.waiting_on is WaitingOn.CHILD
    await in_status(rig, state.child or "", "x", N.RUNNING)
    assert len(worker.attempts.running) == 1
    nursery.may_go_on.set()
    assert await ended(rig, execution_id) is E.COMPLETED


async def test_a_failed_child_fails_its_node_and_is_named_with_its_failed_node(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.failing.add("y")

    execution_id = await rig.submit(parent("S", family()), kid("B", after=["S"]))

    assert await ended(rig, execution_id) is E.FAILED
    state = await state_of(rig, execution_id, "S")
    error = state.error or {}
    assert error["type"] == "ChildFailed"
    assert state.child in error["message"]
    assert "node 'y' failed with Mine.Naughty: y is naughty" in error["message"]
    assert error["details"]["status"] == "FAILED"
    assert [failed["node_id"] for failed in error["details"]["failed"]] == ["y"]
    assert (await rig.nodes(execution_id))["B"] is N.SKIPPED
    assert await rig.nothing_is_left_behind()


async def test_a_retry_of_the_node_goes_on_with_the_child_in_place(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.failing.add("y")

    execution_id = await rig.submit(parent("S", family(), retry={"max_attempts": 2, "initial_interval": 60}))
    state = await in_status(rig, execution_id, "S", N.WAITING)
    while state.waiting_on is not WaitingOn.BACK_OFF:
        state = await in_status(rig, execution_id, "S", N.WAITING)
    nursery.failing.clear()
    # Timers alone: to this clock, the leases of workers on Redis time would be over.
    rig.transitions.now_ms = rig.now_ms + 100_000
    await timers.run_once(rig.store, rig.transitions, rig.now_ms)

    assert await ended(rig, execution_id) is E.COMPLETED
    assert nursery.calls == {"x": 1, "y": 2}
    found = await child_of(rig, execution_id, "S")
    assert (found.generation, found.execution_id) == (2, state.child)
    assert (await state_of(rig, execution_id, "S")).tries == 2


async def test_a_retry_in_place_retries_the_failed_child_in_place(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.failing.add("z")
    inner = family(kid("z"), name="inner")
    execution_id = await rig.submit(kid("A"), parent("S", family(kid("x"), parent("T", inner)), after=["A"]))
    assert await ended(rig, execution_id) is E.FAILED
    before = await child_of(rig, execution_id, "S")
    nursery.failing.clear()

    await rig.engine.executions.retry(execution_id)

    assert await ended(rig, execution_id) is E.COMPLETED
    assert nursery.calls == {"A": 1, "x": 1, "z": 2}
    after = await child_of(rig, execution_id, "S")
    assert (after.execution_id, after.generation) == (before.execution_id, 2)
    assert (await child_of(rig, after.execution_id, "T")).generation == 2


async def test_a_node_that_asks_for_other_inputs_by_now_gets_another_child(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.failing |= {"A", "x"}
    child = parent(
        "S", family(kid("x")), after=["A"], trigger_rule="all_done",
        inputs={"a": "{{ A.of | default('nothing') }}"},
    )  # fmt: skip
    execution_id = await rig.submit(kid("A"), child)
    assert await ended(rig, execution_id) is E.FAILED
    before = await child_of(rig, execution_id, "S")
    nursery.failing.clear()

    await rig.engine.executions.retry(execution_id)

    assert await ended(rig, execution_id) is E.COMPLETED
    after = await child_of(rig, execution_id, "S")
    assert after.execution_id != before.execution_id
    assert (before.inputs, after.inputs) == ({"a": "nothing"}, {"a": "A"})


async def test_a_child_that_somebody_cancelled_fails_its_node_for_good(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.waiting.add("x")
    execution_id = await rig.submit(parent("S", family(), retry={"max_attempts": 5}))
    state = await in_status(rig, execution_id, "S", N.WAITING)

    await rig.engine.executions.cancel(state.child or "", reason="not today", grace_ms=0, request_id="r")

    assert await ended(rig, execution_id) is E.FAILED
    error = (await state_of(rig, execution_id, "S")).error or {}
    assert error["retryable"] is False
    assert "ended CANCELLED: not today" in error["message"]


async def test_one_that_is_not_waited_for_completes_its_node_at_once(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.waiting.add("x")

    execution_id = await rig.submit(parent("S", family(), wait=False))

    assert await ended(rig, execution_id) is E.COMPLETED
    found = await child_of(rig, execution_id, "S")
    assert found.status is E.RUNNING
    assert await output(rig, execution_id, "S") == {"execution_id": found.execution_id, "name": "family"}
    nursery.may_go_on.set()
    assert await ended(rig, found.execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_three_levels_of_children_run_and_a_fourth_fails(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    third = family(kid("x"), name="third")
    allowed = family(parent("B", family(parent("C", third), name="second")), name="first")

    execution_id = await rig.submit(parent("A", allowed))
    assert await ended(rig, execution_id) is E.COMPLETED
    assert await output(rig, execution_id, "A") == {"B": {"C": {"x": {"of": "x"}}}}

    # Known only when it runs: the definition of a child that has children is named by its execution.
    again = await rig.submit(parent("Z", family(parent("A", execution_id))))
    assert await ended(rig, again) is E.FAILED
    deepest = again
    for node_id in ("Z", "A", "A", "B"):
        deepest = (await child_of(rig, deepest, node_id)).execution_id if node_id != "B" else deepest
    error = (await state_of(rig, deepest, "B")).error or {}
    assert error["type"] == "ConfigError"
    assert "'second' would be more than 3 levels below its root execution" in error["message"]
    assert await rig.nothing_is_left_behind()


async def test_a_fork_does_not_run_the_children_of_what_it_keeps(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    execution_id = await rig.submit(parent("S", family(kid("x"))), kid("B", after=["S"]))
    await ended(rig, execution_id)

    fork = await rig.engine.executions.fork(execution_id, from_node="B")
    replay = await rig.engine.executions.replay(execution_id)

    assert await ended(rig, fork.execution_id or "") is E.COMPLETED
    assert await ended(rig, replay.execution_id) is E.COMPLETED
    assert nursery.calls == {"x": 2, "B": 3}
    assert await output(rig, fork.execution_id or "", "S") == {"x": {"of": "x"}}


async def test_a_child_has_the_time_limit_of_its_own_definition(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    child = family(node("d", handler="delay", config={"seconds": "1h"}), execution_timeout="10m")
    execution_id = await rig.submit(parent("S", child))
    state = await in_status(rig, execution_id, "S", N.WAITING)

    await rig.advance(700_000)

    assert await ended(rig, execution_id) is E.FAILED
    assert (await child_of(rig, execution_id, "S")).cancelling is Cancelling.TIMEOUT
    error = (await state_of(rig, execution_id, "S")).error or {}
    assert (
        f"{state.child} ('family') ended FAILED: it ran longer than its execution_timeout" in error["message"]
    )
