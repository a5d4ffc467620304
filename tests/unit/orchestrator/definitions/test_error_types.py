"""Patterns of error types."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.definitions.error_types import BUILT_IN_TYPES, matches, read_patterns
from tests.source_tree import python, source_text


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
        ("", "a", False),
        ("aba", "aba*aba", False),
        ("aba", "*ba*ba", False),
        ("aba", "ab*ba", False),
        ("abaaba", "aba*aba", True),
        ("aXbXc", "a*b*c", True),
        ("aXcXb", "a*b*c", False),
        ("Http*", "Http*", True),
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


def naive(text: str, pattern: str) -> bool:
    """Try every end of every star."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive(text[place:], pattern[1:]) for place in range(len(text) + 1))
    return text[:1] == pattern[0] and naive(text[1:], pattern[1:])


@given(
    text=st.text("ab.", max_size=8),
    pattern=st.lists(st.sampled_from("aab.**"), max_size=8).map("".join),
)
def test_what_never_goes_back_finds_all_that_trying_everything_finds(text: str, pattern: str) -> None:
    assert matches(text, (pattern,)) is naive(text, pattern)


def test_many_stars_are_answered_at_once() -> None:
    """A matcher that goes back would not come to an end."""
    assert not matches("a" * 5_000 + "c", ("*a" * 60 + "*b*c",))
    assert not matches("a" * 5_000, ("*" * 128 + "z",))
    assert matches("a" * 5_000, ("*a" * 60,))


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("**", "two of them in a row; got '\\*\\*'"),
        ("Http.**", "two of them in a row"),
        ("*a*b*c*d*", "at most 4 '\\*', got 5"),
        ("*" * 128, "two of them in a row"),
    ],
)
def test_a_pattern_has_few_stars_and_none_beside_another(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_patterns(["Http.*", pattern])


def test_four_stars_are_allowed() -> None:
    assert read_patterns(["*a*b*c*"]) == ("*a*b*c*",)


def test_patterns_are_kept_in_their_order() -> None:
    assert read_patterns(["Http.*", "*"]) == ("Http.*", "*")


def test_every_type_that_the_sources_give_to_an_error_is_among_the_built_in_ones() -> None:
    named = re.compile(r'\b(?:error_)?type(?:: str)? ?= ?"([A-Z][A-Za-z]+(?:\.[A-Z0-9][A-Za-z0-9]+)?)"')
    sources = python("workers", "clients", "orchestrator", "sdk")

    found = {type for path in sources for type in named.findall(source_text(path))}

    assert found - BUILT_IN_TYPES == set()
    assert len(found) > 20
