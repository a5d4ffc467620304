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
        ("round", (2**80 + 1,), 2**80 + 1),
        ("round", (2**80 + 1, -3), round(2**80 + 1, -3)),
        ("round", (10**30 + 1, -3, "ceil"), 10**30 + 1000),
        ("round", (10**30 + 1999, -3, "floor"), 10**30 + 1000),
        ("sum", ([2**80, 1],), 2**80 + 1),
        ("abs", (-(2**80),), 2**80),
        ("items", ({"a": 1},), [["a", 1]]),
        ("sort", ([[2, "b"], [1, "c"], [1, "a"]],), [[1, "a"], [1, "c"], [2, "b"]]),
        ("sort", (list(range(12_000, 0, -1)),), list(range(1, 12_001))),
        ("max", ([[1, 2], [1, 3], [0, 9]],), [1, 3]),
        ("min", ("bca",), "a"),
        ("trim", ("xxaxx", "x"), "a"),
        ("default", ("false", "other", True), "other"),
        ("urlencode", ("a b/c&d",), "a%20b/c%26d"),
        ("urlencode", ("ä?",), "%C3%A4%3F"),
        ("urlencode", (7,), "7"),
        ("urlencode", ({"k": "x y", "a/b": "1+1"},), "k=x+y&a%2Fb=1%2B1"),
        ("urlencode", ({"k": True, "n": None},), "k=true&n=null"),
        ("urlencode", ([["k", 1], ["k", 2]],), "k=1&k=2"),
        ("urlencode", ({},), ""),
        ("fromjson", ('{"a": [1]}',), {"a": [1]}),
        ("compare", ("10", ">", 9), True),
        ("compare", ("b", ">", "a"), False),
        ("compare", ({"b": 1, "a": 2}, "==", {"a": 2, "b": 1}), True),
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
        ("sort", [[1], 1], "items of one kind"),
        ("max", [[1], ["a"]], "items of one kind"),
        ("urlencode", ["a", "b"], "an object, or a list of pairs"),
        ("urlencode", "ä" * 300_000, "longer than the allowed"),
        ("escape", "<" * 300_000, "longer than the allowed"),
        ("fromjson", "[" + "1," * 150_000 + "1]", "longer than the allowed"),
        ("split", "a " * 100_001, "more than the allowed 100,000 parts"),
    ],
)
def test_a_value_of_another_type_is_named(name: str, value: Any, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        FILTERS[name](value)


def test_values_are_compared_by_a_known_sign() -> None:
    with pytest.raises(EvaluationError, match="takes one of ==, !=, <, <=, >, >= first"):
        FILTERS["compare"](1, "=", 1)


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


def test_few_characters_can_be_trimmed() -> None:
    with pytest.raises(EvaluationError, match="at most 100 different"):
        FILTERS["trim"]("x", "".join(map(chr, range(200))))
