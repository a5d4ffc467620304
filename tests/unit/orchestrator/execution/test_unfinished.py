"""The nodes that had not ended when the time of their execution was over, in words."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.execution.model import NodeState
from orchestrator.execution.unfinished import unfinished_words
from orchestrator.states import NodeStatus, WaitingOn
from tests.dags import node, workflow
from tests.snapshots import CHAIN, done, given_states

N = NodeStatus


def test_what_is_under_way_is_named_with_what_it_does_and_the_rest_is_counted() -> None:
    child = NodeState("A", N.WAITING, waiting_on=WaitingOn.CHILD, child="c1")
    snapshot = given_states(CHAIN, child)

    assert unfinished_words(snapshot.definition, snapshot.nodes) == "A (WAITING on child c1), 2 not begun"


def test_the_error_of_a_try_before_this_one_is_named_by_its_type_alone() -> None:
    error = {"type": "Http.5xx", "message": "a secret that no line should hold"}
    again = NodeState("B", N.WAITING, waiting_on=WaitingOn.BACK_OFF, tries=1, error=error)
    snapshot = given_states(CHAIN, done("A"), again)

    words = unfinished_words(snapshot.definition, snapshot.nodes)

    assert words == "B (WAITING on back_off after Http.5xx), 1 not begun"


def test_only_the_first_of_many_are_named() -> None:
    snapshot = given_states(workflow(*[node(f"n{index}") for index in range(7)]))
    queued = {each: replace(state, status=N.QUEUED) for each, state in snapshot.nodes.items()}

    words = unfinished_words(snapshot.definition, queued)

    assert words.endswith("n4 (QUEUED), 2 more")
    assert "n5" not in words


def test_where_all_have_ended_there_is_nothing_to_name() -> None:
    snapshot = given_states(CHAIN, done("A"), done("B"), done("C"))

    assert unfinished_words(snapshot.definition, snapshot.nodes) == ""
