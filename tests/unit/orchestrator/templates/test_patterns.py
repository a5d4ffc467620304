"""`regex_search` and `regex_replace` in templates: no pattern takes longer than its text allows."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.templates.budget import Budget, TakesLong
from orchestrator.templates.patterns import MAX_GROUPS, MAX_PATTERN, MAX_WORK, regex_replace, regex_search
from orchestrator.templates.values import EvaluationError

ORDER = "order 4711 of 2026"


@pytest.mark.parametrize(
    ("pattern", "group", "result"),
    [
        (r"\d+", 0, "4711"),
        (r"(\d+) of (\d+)", 2, "2026"),
        (r"(?P<id>\d+)", "id", "4711"),
        ("(?i)ORDER", 0, "order"),
        ("nothing", 0, None),
        ("(x)?order", 1, None),
    ],
)
def test_the_first_match_or_a_group_of_it_is_found(pattern: str, group: Any, result: Any) -> None:
    assert regex_search(Budget(), ORDER, pattern, group) == result


@pytest.mark.parametrize(
    ("pattern", "replacement", "count", "result"),
    [
        (r"\d", "#", 0, "order #### of ####"),
        (r"\d", "#", 2, "order ##11 of 2026"),
        (r"(\d)(\d+)", r"\2-\1", 0, "order 711-4 of 026-2"),
        (r"(?P<first>\w)\w*", r"\g<first>\g<0>", 1, "oorder 4711 of 2026"),
        ("order", r"a\\b", 0, r"a\b 4711 of 2026"),
        ("(x)?order", r"[\1]", 0, "[] 4711 of 2026"),
        (" .*", "", 0, "order"),
        ("$", "!", 0, ORDER + "!"),
        ("nothing", "!", 0, ORDER),
    ],
)
def test_matches_are_replaced(pattern: str, replacement: str, count: int, result: str) -> None:
    assert regex_replace(Budget(), ORDER, pattern, replacement, count) == result


def test_places_are_counted_in_characters() -> None:
    assert regex_replace(Budget(), "äöü€😀x", "€|x", "·") == "äöü·😀·"
    assert regex_replace(Budget(), "äö", "", "-") == "-ä-ö-"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(?<=o)f", r"the pattern '\(\?<=o\)f' is none: .*look-around and back-references are not known"),
        (r"(a)\1", "look-around and back-references are not known"),
        ("(", "is none: missing"),
        ("x" * (MAX_PATTERN + 1), "at most 500 characters, got 501"),
        ("()" * (MAX_GROUPS + 1), r"has 21 groups \(allowed: 20\)"),
        (r"\pL{1000}", "too large"),
        ("a\x08", r"the control character '\\x08'; in the text of a template a backslash is written twice"),
        (5, "expected text, got a number"),
    ],
)
def test_a_pattern_that_is_none_is_named(pattern: Any, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        regex_search(Budget(), ORDER, pattern)


@pytest.mark.parametrize(
    ("replacement", "count", "words"),
    [
        (r"\3", 0, r"the pattern has no group 3 \(groups: 0 to 1, id\)"),
        (r"\g<none>", 0, r"no group 'none'"),
        (r"\q", 0, r"the replacement has '\\\\q' \(allowed: "),
        ("x\\", 0, r"the replacement has '\\\\'"),
        ("\x01", 0, "a backslash is written twice"),
        ("x" * 10_001, 0, "at most 10,000 characters"),
        ("x", -1, "a count of 0"),
        ("x", True, "a count of 0"),
    ],
)
def test_a_replacement_that_is_none_is_named(replacement: str, count: Any, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        regex_replace(Budget(), ORDER, r"(?P<id>\d+)", replacement, count)


@pytest.mark.parametrize("group", [2, -1, "no", True, [1], 10**40])
def test_a_group_that_is_none_is_named(group: Any) -> None:
    with pytest.raises(EvaluationError, match="the pattern has no group"):
        regex_search(Budget(), ORDER, "(o)", group)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(x+x+)+y", "^(.*).*;.*;.*;.*x$", "(x|xx|xxx)*y", "x?" * 40 + "x" * 40]
)
def test_a_pattern_that_others_never_end_with_ends(pattern: str) -> None:
    # A backtracking engine would still be at it when the time of the test is up.
    assert regex_search(Budget(cpu_s=0.5), "x" * 100_000 + "!", pattern) in (None, "x" * 80)


def test_what_a_pattern_may_cost_is_judged_before() -> None:
    text = "x" * (MAX_WORK // 4_004 + 1)
    with pytest.raises(EvaluationError, match="a pattern of 4,004 steps on a text of"):
        regex_search(Budget(), text, "(x?){1000}$")
    with pytest.raises(TakesLong):
        regex_search(Budget(is_quick=True), "x" * 2_000, "(x?){1000}$")
    with pytest.raises(EvaluationError, match="longer than the allowed 262,144"):
        regex_search(Budget(), "x" * 300_000, "y")


def test_matches_and_what_stands_in_their_place_are_counted() -> None:
    with pytest.raises(EvaluationError, match="steps"):
        regex_replace(Budget(), "x" * 200_000, "x", "")
    with pytest.raises(EvaluationError, match="longer than the allowed 262,144"):
        regex_replace(Budget(), "x" * 1_000, "x", "y" * 1_000)
