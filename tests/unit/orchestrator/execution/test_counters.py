"""Counters of ended dependencies, from statuses alone."""

from __future__ import annotations

import pytest

from orchestrator.definitions.trigger_rules import RUN, WAIT, TriggerRule, Verdict
from orchestrator.execution.counters import Counters, decide_node, expected_counters, skipped_at_once
from orchestrator.states import NodeStatus, Reason
from tests.dags import compiled, condition, node, workflow

N = NodeStatus
ALL_DONE = TriggerRule.ALL_DONE


def test_each_dependency_raises_the_counter_of_its_end() -> None:
    document = workflow(*(node(name) for name in "ABCD"), node("J", after=["A", "B", "C", "D"]))
    statuses = {"A": N.COMPLETED, "B": N.FAILED, "C": N.SKIPPED, "D": N.RUNNING, "J": N.PENDING}
    reasons = {"C": Reason.CONDITION_FALSE}

    assert expected_counters(compiled(document), statuses, reasons, {})["J"] == Counters(1, 1, 1)


def test_a_failure_that_a_successor_takes_over_is_a_success_for_that_one_only() -> None:
    catch = [{"errors": ["*"], "goto": "G"}]
    document = workflow(node("A", catch=catch), node("G", after=["A"]), node("B", after=["A"]))
    statuses = {"A": N.FAILED, "G": N.PENDING, "B": N.PENDING}

    counters = expected_counters(compiled(document), statuses, {}, {}, {"A": "G"})

    assert counters["G"] == Counters(ok=1, gates_done=1)
    assert counters["B"] == Counters(bad=1)


def test_a_failure_that_is_continued_on_counts_as_a_success() -> None:
    document = workflow(node("A", retry={"on_exhausted": "continue"}), node("B", after=["A"]))

    counters = expected_counters(compiled(document), {"A": N.FAILED, "B": N.PENDING}, {}, {})

    assert counters["B"] == Counters(ok=1)


@pytest.mark.parametrize(
    ("counters", "verdict"),
    [
        (Counters(), WAIT),
        (Counters(ok=1, gates_done=1, not_taken=True), Reason.BRANCH_NOT_TAKEN),
        (Counters(ok=1, gates_done=1), RUN),
        (Counters(bad=1, gates_done=1), RUN),
    ],
)
def test_branches_are_decided_before_the_rule(counters: Counters, verdict: Verdict) -> None:
    assert decide_node(ALL_DONE, counters, total=1, gates=1) == verdict


def test_skips_that_follow_from_skips_are_found_at_once() -> None:
    document = workflow(condition("if", false=["B"]), node("B", after=["if"]), node("C", after=["B"]))
    statuses = {"if": N.COMPLETED, "B": N.PENDING, "C": N.PENDING}

    assert skipped_at_once(compiled(document), statuses, {}, {"if": {"B"}}) == {"B", "C"}
