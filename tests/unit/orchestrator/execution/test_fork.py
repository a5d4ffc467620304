"""What a fork keeps, and what it runs again."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.execution.fork import plan_rest
from orchestrator.states import Reason
from tests.dags import node
from tests.forks import BRANCHED, LINE, TAKEN, forked, source


def test_from_a_node_it_and_what_is_behind_it_run_again() -> None:
    plan = forked(source(*LINE), from_node="B")

    assert (plan.again, tuple(plan.kept), plan.aside) == (("B", "C"), ("A", "beside"), ())


def test_without_a_change_everything_is_kept() -> None:
    plan = forked(source(*LINE))

    assert (plan.again, tuple(plan.kept)) == ((), ("A", "B", "C", "beside"))


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"x": 1}},
        {"handler": "delay"},
        {"when": "true"},
        {"trigger_rule": "all_success"},
        {"dependencies": ["A", "beside"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_node_that_does_something_else_runs_again(change: dict[str, Any]) -> None:
    found = source(*LINE)
    edited = (LINE[0], LINE[1] | change, LINE[2], LINE[3])

    assert forked(found, *edited).again == ("B", "C")


@pytest.mark.parametrize(
    "change",
    [
        {"retry": {"max_attempts": 7}},
        {"start_to_close_timeout": 5},
        {"schedule_to_start_timeout": 5},
        {"queue": "other"},
        {"critical": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_where_how_long_and_how_often_it_is_tried_is_no_change(change: dict[str, Any]) -> None:
    edited = (LINE[0], LINE[1] | change, LINE[2], LINE[3])

    assert forked(source(*LINE), *edited).again == ()


def test_the_order_of_nodes_and_of_dependencies_is_no_change() -> None:
    nodes = (node("A"), node("B"), node("C", after=["A", "B"]))

    plan = forked(source(*nodes), node("C", after=["B", "A"]), node("B"), node("A"))

    assert (plan.again, tuple(plan.kept)) == ((), ("C", "B", "A"))


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (1, 1.0), ("1", 1)])
def test_values_that_python_takes_for_equal_are_not(old: Any, new: Any) -> None:
    plan = forked(source(node("A", config={"x": old})), node("A", config={"x": new}))

    assert plan.again == ("A",)


def test_new_nodes_run_and_removed_ones_are_gone() -> None:
    plan = forked(source(*LINE), node("A"), node("new", after=["A"]), node("C", after=["new"]))

    assert (plan.again, tuple(plan.kept)) == (("new", "C"), ("A",))


def test_new_inputs_reach_the_nodes_that_refer_to_them() -> None:
    nodes = (
        node("plain"),
        node("config", config={"x": "{{ inputs.n }}"}),
        node("when", when="inputs.n > 1"),
        node("behind", after=["config"]),
    )

    assert forked(source(*nodes), has_new_inputs=True).again == ("config", "when", "behind")


def test_what_did_not_complete_is_never_kept_nor_anything_behind_it() -> None:
    nodes = (
        node("failed"),
        node("cleanup", after=["failed"], trigger_rule="all_done"),
        node("skipped", after=["failed"]),
        node("fine"),
        node("cancelled", after=["fine"]),
        node("waiting", after=["fine"]),
    )
    found = source(*nodes, failed="failed", skipped="upstream", cancelled="cancelled", waiting="pending")

    plan = forked(found)

    assert tuple(plan.kept) == ("fine",)
    assert plan.again == ("failed", "cleanup", "skipped", "cancelled", "waiting")


def test_a_node_that_ran_early_is_not_kept_while_one_before_it_is_not() -> None:
    nodes = (node("fast"), node("slow"), node("first", after=["fast", "slow"], trigger_rule="one_success"))

    plan = forked(source(*nodes, slow="pending"))

    assert plan.again == ("slow", "first")


def test_skipped_nodes_are_kept_with_their_reasons_and_conditions_with_what_they_did_not_take() -> None:
    found = source(*BRANCHED, not_taken={"if": ["no"]}, **TAKEN)

    plan = forked(found, from_node="join")

    assert plan.again == ("join",)
    assert {each: state.reason for each, state in plan.kept.items() if state.reason} == {
        "no": Reason.BRANCH_NOT_TAKEN,
        "after_no": Reason.UPSTREAM_SKIPPED,
    }
    assert plan.not_taken == {"if": frozenset({"no"})}


def test_a_change_on_a_branch_that_is_not_taken_runs_nothing() -> None:
    found = source(*BRANCHED, not_taken={"if": ["no"]}, **TAKEN)
    edited = (*BRANCHED[:2], BRANCHED[2] | {"config": {"x": 1}}, *BRANCHED[3:])

    plan = forked(found, *edited)

    assert (plan.again, plan.aside) == (("join",), ("no", "after_no"))


def test_a_condition_that_decides_again_reopens_both_branches() -> None:
    found = source(*BRANCHED, not_taken={"if": ["no"]}, **TAKEN)

    plan = forked(found, from_node="if")

    assert plan.again == ("if", "yes", "no", "after_no", "join")
    assert plan.not_taken == {}


def test_what_was_kept_says_again_what_was_planned() -> None:
    found = source(*BRANCHED, not_taken={"if": ["no"]}, **TAKEN)
    plan = forked(found, from_node="yes")

    assert plan_rest(plan.definition, plan.kept, plan.not_taken) == plan
