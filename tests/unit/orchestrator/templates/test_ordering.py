"""Comparing and sorting JSON values."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.templates.ordering import COMPARISONS, MAX_RUN, is_same, sorted_by
from orchestrator.templates.values import EvaluationError

_numbers = st.integers(-3, 3) | st.sampled_from([0.5, 2.0, -0.0])
_values = st.recursive(
    st.none() | st.booleans() | _numbers | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)
_rows = st.lists(st.lists(_numbers, max_size=3), max_size=8)


@given(_values, _values)
def test_values_are_equal_as_python_finds_them(left: Any, right: Any) -> None:
    assert is_same(left, right) is (left == right)
    assert is_same(left, left)
    assert COMPARISONS["in"](left, [right, [left]]) is (left in [right, [left]])


@given(_rows, _rows)
def test_lists_come_in_the_order_that_python_gives_them(left: list[Any], right: list[Any]) -> None:
    for name, compare in (
        ("lt", operator.lt),
        ("lteq", operator.le),
        ("gt", operator.gt),
        ("gteq", operator.ge),
    ):
        assert COMPARISONS[name](left, right) is compare(left, right)
    assert sorted_by(left, lambda row: row, False) == sorted(left)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_sort_of_many_runs_keeps_the_order_of_equals(is_reversed: bool) -> None:
    items = [[index % 7, index] for index in range(3 * MAX_RUN)]

    found = sorted_by(items, operator.itemgetter(0), is_reversed)

    assert found == sorted(items, key=operator.itemgetter(0), reverse=is_reversed)


def test_kinds_without_an_order_are_named() -> None:
    with pytest.raises(EvaluationError, match="an object and an object cannot be compared by '>='"):
        COMPARISONS["gteq"]({}, {})
