"""Filters, tests and methods of templates: functions over JSON values."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.templates.filters import FILTERS, MAX_RANGE, METHODS, TESTS, range_of
from orchestrator.templates.values import EvaluationError


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("unique", ([1, 1, {"a": 1}, {"a": 1}],), [1, {"a": 1}]),
        ("sort", ([3, 1, 2], True), [3, 2, 1]),
        ("join", ([1, "b"], "-"), "1-b"),
        ("truncate", ("abcdef", 4), "abc…"),
        ("int", ("12.7",), 12),
        ("int", ("x", 5), 5),
        ("round", (2.71, 1, "floor"), 2.7),
        ("items", ({"a": 1},), [["a", 1]]),
        ("fromjson", ('{"a": [1]}',), {"a": [1]}),
    ],
)
def test_a_filter_gives_plain_data(name: str, arguments: tuple[Any, ...], result: Any) -> None:
    assert FILTERS[name](*arguments) == result


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("upper", 5, "expected text, got a number"),
        ("keys", [1], "expected an object, got a list"),
        ("abs", True, "expected a number, got true or false"),
        ("sort", [1, "a"], "items of one kind"),
    ],
)
def test_a_value_of_another_type_is_named(name: str, value: Any, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        FILTERS[name](value)


def test_a_range_is_bounded() -> None:
    assert range_of(1, 6, 2) == [1, 3, 5]
    with pytest.raises(EvaluationError, match="more than the allowed"):
        range_of(MAX_RANGE + 1)


def test_booleans_are_no_numbers() -> None:
    assert not TESTS["number"](True)
    assert TESTS["boolean"](False)


def test_a_method_never_reaches_an_attribute() -> None:
    assert METHODS["get"]({"a": 1}, "b", 2) == 2
    assert "format" not in METHODS
