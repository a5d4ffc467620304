"""Patterns of error types."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.error_types import matches, read_patterns


@pytest.mark.parametrize(
    ("error_type", "pattern", "is_named"),
    [
        ("Http.5xx", "Http.5xx", True),
        ("Http.5xx", "Http.*", True),
        ("Http.5xx", "*", True),
        ("Http.5xx", "*5xx", True),
        ("Http.5xx", "H*p.*x", True),
        ("Http.5xx", "http.*", False),
        ("Http.5xx", "Http", False),
        ("Http", "Http.*", False),
        ("HttpX5xx", "Http.5xx", False),
        ("", "*", True),
    ],
)
def test_a_star_stands_for_any_text_and_all_else_for_itself(
    error_type: str, pattern: str, is_named: bool
) -> None:
    assert matches(error_type, (pattern,)) is is_named


def test_one_pattern_of_several_is_enough() -> None:
    assert matches("SsrfBlocked", ("Http.*", "Ssrf*"))
    assert not matches("SsrfBlocked", ())


@pytest.mark.parametrize("value", ["Http.*", ["Http.?xx"], ["[ab]"], [""], ["x" * 129], [7], ["two words"]])
def test_what_could_be_read_in_two_ways_is_no_pattern(value: Any) -> None:
    with pytest.raises(ValueError, match="error type"):
        read_patterns(value)


def test_patterns_are_kept_in_their_order() -> None:
    assert read_patterns(["Http.*", "*"]) == ("Http.*", "*")
