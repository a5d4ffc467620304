"""Bounds of one template evaluation."""

import pytest

from orchestrator.templates.budget import MAX_PRODUCED, MAX_STEPS, MAX_TEXT, Budget, join_parts
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

    with pytest.raises(EvaluationError, match="values"):
        Budget().weigh(value)
