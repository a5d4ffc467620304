"""`groupby` and `batch` in templates."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.templates.budget import MAX_STEPS, Budget
from orchestrator.templates.groups import batch, groupby
from orchestrator.templates.values import EvaluationError

ROWS = [{"city": "Rome", "n": 1}, {"city": "Bonn", "n": 2}, {"city": "Rome", "n": 3}]


def test_items_are_grouped_by_a_field_in_the_order_of_its_values() -> None:
    assert groupby(Budget(), ROWS, "city") == [
        {"key": "Bonn", "items": [ROWS[1]]},
        {"key": "Rome", "items": [ROWS[0], ROWS[2]]},
    ]
    assert groupby(Budget(), [], "city") == []


def test_keys_of_all_kinds_have_an_order() -> None:
    keys = [{"a": 1}, "b", "a", [1], 2, 1.5, True, False, None, "a"]

    groups = groupby(Budget(), [{"at": {"k": key}} for key in keys], attribute="at.k")

    assert [group["key"] for group in groups] == [None, False, True, 1.5, 2, "a", "b", [1], {"a": 1}]
    assert [len(group["items"]) for group in groups] == [1, 1, 1, 1, 1, 2, 1, 1, 1]


def test_a_field_that_is_missing_needs_a_default() -> None:
    assert groupby(Budget(), [*ROWS, {}], "city", default=None)[0] == {"key": None, "items": [{}]}
    with pytest.raises(EvaluationError, match=r"an item has no key 'city'"):
        groupby(Budget(), [*ROWS, {}], "city")
    with pytest.raises(EvaluationError, match="expected a list, got a number"):
        groupby(Budget(), 5, "city")


@pytest.mark.parametrize(
    ("items", "size", "fill", "result"),
    [
        ([1, 2, 3, 4, 5], 2, None, [[1, 2], [3, 4], [5]]),
        ([1, 2, 3], 2, 0, [[1, 2], [3, 0]]),
        ([1, 2], 2, 0, [[1, 2]]),
        ([], 2, 0, []),
        ("abc", 2, None, [["a", "b"], ["c"]]),
        ([1], 10_000, None, [[1]]),
    ],
)
def test_a_list_is_cut_into_lists(items: Any, size: int, fill: Any, result: Any) -> None:
    assert batch(Budget(), items, size, fill_with=fill) == result


@pytest.mark.parametrize("size", [0, -1, 10_001, 10**400, 1.5, "2", True, None])
def test_a_size_is_a_small_whole_number(size: Any) -> None:
    with pytest.raises(EvaluationError, match=r"takes a whole number of items, 1 to 10,000, got "):
        batch(Budget(), [1], size)


def test_what_fills_a_list_up_is_counted() -> None:
    with pytest.raises(EvaluationError, match=r"values|steps"):
        batch(Budget(), [1], 10_000, fill_with=[["x"] * 1_000] * 1_000)
    with pytest.raises(EvaluationError, match="steps"):
        batch(Budget(), [1] * (MAX_STEPS + 1), 2)
