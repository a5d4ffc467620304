"""Differences of two texts, line by line."""

from __future__ import annotations

import random
from collections.abc import Callable
from difflib import SequenceMatcher
from typing import Any

import pytest

from tests.browser.modules import Module


@pytest.fixture
def diff(pure: Callable[[str], Module]) -> Module:
    return pure("parts/text_diff.js")


def marked(lines: list[dict[str, Any]]) -> list[str]:
    return [line["mark"] + line["text"] for line in lines]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a\nb\nc", "a\nb\nc", [" a", " b", " c"]),
        ("a\nb\nc", "a\nx\nc", [" a", "-b", "+x", " c"]),
        ("", "a", ["-", "+a"]),
        ("a\nc", "a\nb\nc", [" a", "+b", " c"]),
        ("a\nb\nc", "a\nc", [" a", "-b", " c"]),
        ("b\na", "a\nb", ["-b", " a", "+b"]),
    ],
)
def test_what_changed_is_marked(diff: Module, before: str, after: str, shown: list[str]) -> None:
    assert marked(diff.call("diffLines", before, after)) == shown


def test_both_texts_can_be_read_from_it_and_nothing_is_marked_without_need(diff: Module) -> None:
    chosen = random.Random(7)
    pairs = [
        tuple("\n".join(chosen.choices("abcde", k=chosen.randrange(1, 30))) for _ in range(2))
        for _ in range(60)
    ]

    for (before, after), lines in zip(pairs, diff.each("diffLines", *pairs), strict=True):
        assert [line["text"] for line in lines if line["mark"] != "+"] == before.split("\n")
        assert [line["text"] for line in lines if line["mark"] != "-"] == after.split("\n")
        kept = sum(
            block.size
            for block in SequenceMatcher(
                None, before.split("\n"), after.split("\n"), False
            ).get_matching_blocks()
        )
        assert sum(line["mark"] == " " for line in lines) >= kept
        assert [line["before"] for line in lines if line["mark"] != "+"] == list(
            range(1, before.count("\n") + 2)
        )


def test_texts_without_a_common_line_are_shown_in_time(diff: Module) -> None:
    before, after = ("\n".join(f"{side}{number}" for number in range(20_000)) for side in "ab")

    # Counted where they are: to bring so many here takes longer than to find them.
    count = "(diff, before, after) => diff.diffLines(before, after).length"
    assert diff.run(count, before, after) == 40_000
