"""Conditions, switches and `when` whose answer does not depend on data."""

import itertools

import pytest

from orchestrator.lint.budget import LintBudget
from orchestrator.lint.constants import known_answers
from tests.dags import condition, node
from tests.unit.orchestrator.lint.cases import CASES, TWO, codes, definition, switch, warnings


def test_the_branch_of_a_constant_condition_is_never_taken() -> None:
    constant = condition("c", expression="1 + 1 == 2", true=["A"], false=["B"])

    found = warnings(constant, node("A", after=["c"]), node("B", after=["c"]))

    assert [(problem.path, problem.code) for problem in found] == [
        ("dag.nodes[0].config.false_branch", "branch_never_taken"),
        ("dag.nodes[2]", "never_runs"),
    ]
    assert found[0].message == "condition 'c' is always true, so its false_branch (B) is never taken"
    assert found[1].message == "'B' can never run: it is on a branch that condition 'c' never takes"


def test_a_constant_condition_without_the_other_branch_and_a_true_when_are_idle() -> None:
    constant = condition("c", expression="{{ true }}", true=["A"])

    assert codes(constant, node("A", after=["c"], when="{{ true }}")) == [
        ("[0].config.expression", "constant_condition"),
        ("[1].when", "when_always_true"),
    ]


def test_a_constant_value_takes_one_case_only() -> None:
    found = warnings(switch("big", **CASES), *TWO)

    assert [(each.path, each.code) for each in found] == [
        ("dag.nodes[0].config.cases.small", "branch_never_taken"),
        ("dag.nodes[1]", "never_runs"),
    ]
    assert found[0].message == "switch 's' always takes case big, so its cases.small (X) is never taken"
    assert found[1].message == "'X' can never run: it is on a branch that switch 's' never takes"


def test_a_constant_value_without_a_case_always_fails() -> None:
    found = warnings(switch("huge", **CASES), *TWO)

    assert [each.code for each in found] == ["switch_never_decides", "never_runs", "never_runs"]
    assert warnings(switch("huge", **CASES, default="Y"), *TWO)[-1].path == "dag.nodes[1]"


@pytest.mark.parametrize("text", ["false", " False ", "0", "NULL", "none", ""])
def test_a_constant_text_is_judged_by_the_truth_of_the_worker(text: str) -> None:
    constant = condition("c", expression=f"'{text}'", true=["A"], false=["B"])

    found = warnings(constant, node("A", after=["c"]), node("B", after=["c"], when=f"'{text}' or false"))

    assert ("branch_never_taken", "dag.nodes[0].config.true_branch") in [(e.code, e.path) for e in found]
    assert ("never_runs", "dag.nodes[2].when") in [(e.code, e.path) for e in found]


def test_a_case_that_a_template_names_may_be_any() -> None:
    cases = {"{{ inputs.name }}": "X", "big": "Y"}

    assert warnings(switch("other", cases=cases), *TWO) == []


def test_all_constant_expressions_share_one_budget_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=0.01)
    monkeypatch.setattr("time.thread_time", lambda: next(clock))
    costly = [node(f"n{i}", when="'x' in 'abc' and 'y' in 'abc'") for i in range(200)]

    found = known_answers(definition(*costly), LintBudget(constants_cpu_s=1.0))

    assert 5 < len(found.when) < 100
    assert not any(found.when.values())


def test_an_expression_beyond_the_budget_is_not_known_and_the_rest_not_tried() -> None:
    costly = "{{ range(9999) | map('string') | join('0123456789') in 'x' }}"

    found = known_answers(
        definition(node("A", when=costly), node("B", when="1 == 2")), LintBudget(constants_cpu_s=0)
    )

    assert found.when == {}
