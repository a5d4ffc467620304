"""What a fork keeps, what it runs again, and how that is put for the scripts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.execution.counters import expected_counters
from orchestrator.execution.fork import ForkPlan, plan_fork, plan_rest
from orchestrator.execution.model import NodeState, Snapshot
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from orchestrator.store.fork_layout import execution_fields, reuses
from orchestrator.store.layout import SLICE
from tests.dags import compiled, condition, node, workflow
from tests.simulation import fresh
from tests.snapshots import ENDS


def source(*nodes: dict[str, Any], not_taken: dict[str, list[str]] | None = None, **ends: str) -> Snapshot:
    """Give an execution whose nodes ended as named; those not named COMPLETED, `pending` did not begin."""
    snapshot = fresh(compiled(workflow(*nodes)), status=ExecutionStatus.COMPLETED)
    states = {}
    for each in snapshot.nodes:
        word = ends.get(each, "ok")
        states[each] = NodeState(each) if word == "pending" else NodeState(each, *ENDS[word])
    not_taken_for = {each: frozenset(ids) for each, ids in (not_taken or {}).items()}
    return replace(snapshot, nodes=states, not_taken=not_taken_for)


def forked(found: Snapshot, *nodes: dict[str, Any], **change: Any) -> ForkPlan:
    """Plan a fork; with nodes, of another definition."""
    definition = compiled(workflow(*nodes)) if nodes else found.definition
    return plan_fork(found, definition, **change)


LINE = (node("A"), node("B", after=["A"]), node("C", after=["B"]), node("beside"))


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


BRANCHED = (
    condition("if", true=["yes"], false=["no"]),
    node("yes", after=["if"]),
    node("no", after=["if"]),
    node("after_no", after=["no"]),
    node("join", after=["yes", "no"]),
)
TAKEN = {"no": "aside", "after_no": "unwanted"}


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


def test_slices_carry_ends_reasons_and_counters() -> None:
    found = source(*BRANCHED, not_taken={"if": ["no"]}, **TAKEN)

    (part,) = reuses(forked(found, from_node="join"))

    assert part.nodes == (
        ("if", "COMPLETED"), ("yes", "COMPLETED"), ("no", "SKIPPED"), ("after_no", "SKIPPED"),
    )  # fmt: skip
    fields = dict(zip(part.fields[::2], part.fields[1::2], strict=True))
    assert fields == {
        "rejects|if": "no",
        "c|yes": "1 0 0 1 0",
        "c|no": "1 0 0 1 1", "reason|no": "branch_not_taken",
        "c|after_no": "0 0 1 0 0", "reason|after_no": "upstream_skipped",
        "c|join": "1 0 1 0 0",
    }  # fmt: skip


def test_counters_are_those_the_planner_counts() -> None:
    found = source(*BRANCHED, not_taken={"if": ["no"]}, **TAKEN)
    plan = forked(found, from_node="yes")
    statuses = {
        each: plan.kept[each].status if each in plan.kept else NodeStatus.PENDING for each in found.nodes
    }
    reasons = {each: state.reason for each, state in plan.kept.items()}

    counters = expected_counters(plan.definition, statuses, reasons, plan.not_taken)

    (part,) = reuses(plan)
    fields = dict(zip(part.fields[::2], part.fields[1::2], strict=True))
    assert {each: fields.get(f"c|{each}", "0 0 0 0 0") for each in found.nodes} == {
        each: f"{c.ok} {c.bad} {c.skip} {c.gates_done} {c.not_taken:d}" for each, c in counters.items()
    }


def test_slices_are_small_and_name_every_kept_node_once() -> None:
    nodes = [node("n0"), *(node(f"n{i}", after=[f"n{i - 1}"]) for i in range(1, 1_001))]

    parts = list(reuses(forked(source(*nodes), from_node="n1000")))

    assert [each for part in parts for each, _ in part.nodes] == [f"n{i}" for i in range(1_000)]
    assert max(len(part.nodes) for part in parts) <= SLICE
    assert max(len(part.fields) for part in parts) <= 20 * SLICE


def test_the_start_is_behind_what_is_kept() -> None:
    plan = forked(source(*LINE), from_node="B")

    assert execution_fields(plan) == ("left", 2, "start|0", "B")


def test_roots_that_run_again_are_part_of_the_start() -> None:
    plan = forked(source(*LINE), from_node="A")

    assert execution_fields(plan) == ("left", 3, "start|0", "A")
