"""Bounds of one template evaluation."""

from typing import Any

import pytest

from orchestrator.templates.budget import (
    MAX_PRODUCED,
    MAX_STEPS,
    MAX_TEXT,
    QUICK_WEIGHT,
    Budget,
    TakesLong,
    join_parts,
)
from orchestrator.templates.resolver import Scope, resolve
from orchestrator.templates.values import EvaluationError


def test_an_evaluation_ends_when_its_steps_are_spent() -> None:
    budget = Budget()
    budget.spend(MAX_STEPS)

    with pytest.raises(EvaluationError, match="steps"):
        budget.spend(1)


def test_text_is_counted_in_all_its_intermediate_forms() -> None:
    budget = Budget()
    budget.take_text("x" * MAX_PRODUCED)

    with pytest.raises(EvaluationError, match="characters"):
        budget.take_text("x")


def test_a_text_is_refused_before_it_is_built() -> None:
    assert join_parts(["a", "b"]) == "ab"
    with pytest.raises(EvaluationError, match="longer than"):
        join_parts(["x" * MAX_TEXT, "x"])


def test_a_list_that_holds_itself_again_and_again_is_weighed_as_written() -> None:
    value: list[object] = ["x"]
    for _ in range(30):
        value = [value, value]

    # By its weight, or by the time that weighing takes on a machine busy with something else.
    with pytest.raises(EvaluationError, match=r"values|needs more than the 1 s"):
        Budget().weigh(value)


def test_each_template_has_steps_of_its_own_and_shares_the_rest() -> None:
    budget = Budget()
    budget.spend(MAX_STEPS)
    budget.take_text("x" * MAX_PRODUCED)

    budget.begin_template()

    budget.spend(MAX_STEPS)
    with pytest.raises(EvaluationError, match="characters"):
        budget.take_text("x")


def test_time_is_looked_at_while_steps_are_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 2.0])
    monkeypatch.setattr("orchestrator.templates.budget.time.thread_time", lambda: next(now))
    budget = Budget()
    budget.check_time()

    with pytest.raises(EvaluationError, match="1 s"):
        budget.spend(1_000)


def test_a_quick_budget_ends_as_taking_long_and_not_as_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.5])
    monkeypatch.setattr("orchestrator.templates.budget.time.thread_time", lambda: next(now))
    budget = Budget(is_quick=True)
    budget.check_time()

    with pytest.raises(TakesLong):
        budget.check_time()


@pytest.mark.parametrize(
    "value", ["x" * 100_000, [0] * QUICK_WEIGHT, [{"a": {"b": [0] * QUICK_WEIGHT}}], ["x" * 1_000] * 100]
)
def test_an_operation_on_much_is_none_for_a_quick_budget(value: object) -> None:
    quick = Budget(is_quick=True)
    quick.check_operands("x" * 100, [0] * 100)

    with pytest.raises(TakesLong):
        quick.check_operands(1, value)
    Budget().check_operands(1, value)


@pytest.mark.parametrize(
    "config",
    [
        [f"{{{{ inputs.k{number} }}}}" for number in range(5_000)],
        {f"{{{{ inputs.k{number} }}}}": number for number in range(5_000)},
        "{{ inputs.rows | map(attribute='a.b') }}",
    ],
)
def test_what_takes_no_steps_looks_at_the_time_as_well(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = {**{f"k{number}": number for number in range(5_000)}, "rows": [{"a": {"b": 1}}] * 30_000}
    looks: list[bool] = []
    monkeypatch.setattr(Budget, "check_time", lambda budget: looks.append(True))

    resolve(config, Scope(inputs=inputs), node_id="A")

    assert len(looks) >= 50
