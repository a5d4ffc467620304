"""JSON values as templates see them, and steps into them."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.templates.values import (
    EvaluationError,
    Missing,
    checked_result,
    field_of,
    items_of,
    step_into,
    to_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (1, "1"), (True, "true"), (None, "null"), ({"a": [1.5]}, '{"a":[1.5]}')],
)
def test_values_are_written_as_compact_json_and_text_as_it_is(value: Any, text: str) -> None:
    assert to_text(value) == text


def test_what_is_missing_says_what_is_there() -> None:
    missing = step_into({"a": 1, "b": 2}, "c", "A")

    assert isinstance(missing, Missing)
    assert missing.detail == "A has no key 'c' (keys: a, b)"
    with pytest.raises(EvaluationError, match="has no key"):
        to_text(missing)


def test_a_path_steps_into_objects_and_lists() -> None:
    assert field_of({"rows": [{"id": 7}]}, "rows.0.id") == 7
    assert isinstance(field_of({"rows": []}, "rows.0.id"), Missing)


def test_texts_and_paths_that_are_taken_apart_are_bounded() -> None:
    with pytest.raises(EvaluationError, match="more than the allowed 100,000 characters"):
        items_of("x" * 100_001)
    with pytest.raises(EvaluationError, match="more than the allowed 1,000 characters"):
        field_of({}, "x." * 501)


def test_a_look_at_a_large_result_can_be_ended() -> None:
    def end() -> None:
        raise EvaluationError("enough")

    with pytest.raises(EvaluationError, match="enough"):
        checked_result([1] * 2_000, end)


@pytest.mark.parametrize("value", [[2**1024], {"a": float("inf")}, [{1, 2}]])
def test_a_result_must_be_json_that_every_reader_agrees_on(value: Any) -> None:
    with pytest.raises(EvaluationError):
        checked_result(value)


def test_integers_are_exact_up_to_the_longest_that_is_kept() -> None:
    long = 2**1024 - 1

    assert checked_result({"id": [long, -long]}) == {"id": [long, -long]}
    assert to_text({"id": long}) == f'{{"id":{long}}}'
    with pytest.raises(EvaluationError, match="1,024 bits"):
        checked_result(-(2**1024))
