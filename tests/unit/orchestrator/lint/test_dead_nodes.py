"""Nodes that can never run, and conditions that decide nothing."""

from typing import Any

import pytest

from tests.dags import condition, node
from tests.unit.orchestrator.lint.cases import BRANCHES, CASES, TWO, choice, codes, switch, warnings


def test_a_join_of_both_branches_that_needs_all_of_them_never_runs() -> None:
    (found,) = warnings(*BRANCHES, node("D", after=["A", "B"], trigger_rule="all_success"))

    assert (found.path, found.code) == ("dag.nodes[3]", "join_never_runs")
    assert found.message == (
        "'D' can never run: its dependencies 'A' and 'B' never complete both: they need different branches "
        "of condition 'c'"
    )
    assert found.hint == "trigger_rule none_failed_min_one_success runs it with what was taken"


def test_the_same_join_far_behind_the_branches_never_runs_either() -> None:
    behind = node("A2", after=["A"]), node("B2", after=["B"]), node("A3", after=["A2"])

    assert codes(*BRANCHES, *behind, node("D", after=["A3", "B2"], trigger_rule="all_success")) == [
        ("[6]", "join_never_runs")
    ]


@pytest.mark.parametrize("rule", ["none_failed_min_one_success", "all_done", "one_success", "none_failed"])
def test_a_join_that_is_content_with_one_branch_is_fine(rule: str) -> None:
    assert codes(*BRANCHES, node("D", after=["A", "B"], trigger_rule=rule)) == []


def test_a_join_of_one_branch_with_what_runs_in_any_case_is_fine() -> None:
    nodes = choice(true=["A"]), node("A", after=["c"]), node("B", after=["c"])

    assert codes(*nodes, node("D", after=["A", "B"], trigger_rule="all_success")) == []


def test_a_rule_that_nothing_upstream_can_meet_never_runs() -> None:
    off = node("A", when=False)

    assert codes(off, node("B", after=["A"], trigger_rule="one_failed")) == [
        ("[0].when", "never_runs"),
        ("[1]", "never_runs"),
    ]
    assert codes(off, node("B", after=["A"], trigger_rule="all_skipped")) == [("[0].when", "never_runs")]


def test_what_is_behind_a_node_that_never_runs_is_named_with_the_cause() -> None:
    found = warnings(node("A", when="{{ 1 > 2 }}"), node("B", after=["A"]), node("C", after=["B"]))

    assert [problem.message for problem in found] == [
        "'when' of 'A' is always false: the node never runs",
        "'B' can never run: A can never complete, and its trigger rule is none_failed_min_one_success",
        "'C' can never run: B can never complete, and its trigger rule is none_failed_min_one_success",
    ]


def test_a_condition_that_decides_nothing_is_idle_unless_its_result_is_read() -> None:
    idle = condition("c", expression="inputs.big")

    assert codes(idle, node("A", after=["c"])) == [("[0].config", "condition_without_branches")]
    assert codes(idle, node("A", after=["c"], when="{{ c.result }}")) == []


def test_a_join_of_two_cases_that_needs_both_never_runs() -> None:
    (found,) = warnings(switch(**CASES), *TWO, node("D", after=["X", "Y"], trigger_rule="all_success"))

    assert (found.path, found.code) == ("dag.nodes[3]", "join_never_runs")
    assert "they need different branches of switch 's'" in found.message
    assert warnings(switch(**CASES), *TWO, node("D", after=["X", "Y"])) == []


def test_a_join_of_two_targets_of_one_case_runs() -> None:
    one: dict[str, Any] = {"cases": {"small": ["X", "Y"], "big": []}}

    assert warnings(switch(**one), *TWO, node("D", after=["X", "Y"], trigger_rule="all_success")) == []
