"""Explanations of items that are not started; waits for items and children are in `test_explain`."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.execution.explain_below import explain_child, explain_items, explain_unstarted
from orchestrator.execution.explanation import Explanation
from orchestrator.execution.model import ChildState, MapCounts, MapState, NodeState
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, WaitingOn
from tests.dags import node, workflow
from tests.snapshots import given_states

MAPPED = workflow(node("A", map={"items": [1, 2, 3], "max_concurrency": 1}))
COUNTS = MapCounts(total=3, started=1, live=1, completed=0, failed=0, skipped=0)
WAITING = NodeState("A", NodeStatus.WAITING, waiting_on=WaitingOn.MAP)


def unstarted(counts: MapCounts = COUNTS, **fields: object) -> Explanation:
    """Explain an item that has not been started."""
    snapshot = given_states(MAPPED, WAITING, maps={"A": MapState(counts)}, **fields)
    return explain_unstarted(snapshot, snapshot.definition.node("A"), NodeState("A[2]"))


def test_an_item_waits_for_its_turn() -> None:
    found = unstarted()

    assert found.node_id == "A[2]"
    assert found.waiting_for == "its turn: 1 of at most 1 items are under way, and those before it come first"
    assert found.wakes == "the end of another item"


def test_an_item_of_a_halted_map_is_never_started() -> None:
    found = unstarted(replace(COUNTS, is_halted=True))

    assert found.waiting_for == "nothing: A starts no further item"


def test_an_item_of_a_paused_execution_waits_for_the_resume() -> None:
    found = unstarted(status=ExecutionStatus.PAUSED)

    assert found.waiting_for.startswith("a resume: ")
    assert found.details["actions"] == ["resume"]


def test_an_item_of_an_execution_that_ends_is_never_started() -> None:
    found = unstarted(cancelling=Cancelling.USER)

    assert found.waiting_for == "nothing: the execution is ending (cause: user)"


def test_a_map_counts_its_items() -> None:
    live = {"A[0]": NodeState("A[0]", NodeStatus.RUNNING, attempt=1)}
    snapshot = given_states(MAPPED, WAITING, maps={"A": MapState(COUNTS, live=live)})

    found = explain_items(snapshot, snapshot.definition.node("A"), WAITING)

    assert found.waiting_for == "its items (map: 0 of 3 items done, 1 running)"


def test_a_child_is_named() -> None:
    waiting = NodeState("A", NodeStatus.WAITING, waiting_on=WaitingOn.CHILD, child="x2")

    found = explain_child(ChildState("x2", ExecutionStatus.RUNNING, "inner"), waiting)

    assert found.waiting_for == "the end of its child execution x2 ('inner'), which is RUNNING"
