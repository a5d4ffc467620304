"""How `condition` compares two values."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.documents.comparison import compare


@pytest.mark.parametrize(
    ("left", "operator", "right"),
    [
        (3, "==", "3.0"),
        (" 10 ", ">", "9"),
        (0.1, "==", "0.10"),
        ("1e3", ">=", 1000),
        (2**70, ">", str(2**70 - 1)),
        ("-.5", "<", 0),
        ("yes", "==", "yes"),
        ("yes", "!=", "Yes"),
        (True, "==", "true"),
        (None, "==", "null"),
        (True, "!=", 1),
        ({"b": 1, "a": [2]}, "==", {"a": [2], "b": 1}),
        (["ü"], "==", '["ü"]'),
        ("1e999999999", ">", 10**300),
        ("9" * 1_001, "==", "9" * 1_001),
    ],
)
def test_what_is_true(left: Any, operator: str, right: Any) -> None:
    assert compare(left, operator, right)


@pytest.mark.parametrize(
    ("left", "operator", "right"),
    [
        ("b", ">", "a"),
        ("b", "<", "c"),
        (5, ">", "four"),
        (None, "<", 1),
        (True, ">=", True),
        ([2], ">", [1]),
        ("nan", "<", "inf"),
        ("1_000", "==", 1000),
        ("٣", "==", 3),
        (1, "!=", 1.0),
    ],
)
def test_what_is_false(left: Any, operator: str, right: Any) -> None:
    assert not compare(left, operator, right)
