"""Cutting answers: small values stay as they are, large ones keep their form and say what is missing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from api.mcp.bounds import MOST_BYTES, PART_BYTES, bounded, part_of_text, preview


def deep(levels: int) -> Any:
    value: Any = "x" * 10_000
    for _ in range(levels):
        value = {"below": value}
    return value


def test_what_fits_is_the_value_itself() -> None:
    value = {"a": [1, "two", None], "b": {}}

    assert preview(value, 100) == (value, False)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 100_000,
        ["x" * 50] * 10_000,
        {f"k{number}": "x" * 50 for number in range(10_000)},
        [[["x" * 300] * 30] * 30] * 30,
        deep(200),
        {"x" * 9_000: 1},
        [{"rows": ["ü" * 400] * 400}] * 5,
    ],
    ids=["text", "list", "object", "nested", "deep", "key", "unicode"],
)
@pytest.mark.parametrize("most_bytes", [8_000, 2_000])
def test_what_is_too_large_is_cut_to_fit_and_says_so(value: Any, most_bytes: int) -> None:
    shown, is_cut = preview(value, most_bytes)

    assert is_cut
    assert len(orjson.dumps(shown)) <= most_bytes
    assert b"[cut: " in orjson.dumps(shown)


def test_a_list_keeps_its_first_entries_and_counts_the_others() -> None:
    shown, _ = preview(list(range(100_000)), 1_000)

    assert shown[:3] == [0, 1, 2]
    assert shown[-1] == f"…[cut: {100_000 - len(shown) + 1:,} more entries]"


def test_an_answer_says_that_it_was_cut() -> None:
    small, large = {"a": 1}, {"id": "e-1", "rows": ["x" * 100] * 10_000}

    assert bounded(small) is small
    shown = bounded(large)
    assert shown["id"] == "e-1" and "ask for less" in shown["answer_cut"]
    assert len(orjson.dumps(shown)) < MOST_BYTES + 500
    assert bounded({"x" * 90_000: 1}).keys() == {"answer_cut"}


@pytest.mark.parametrize("letter", ["a", '"', "ü", "\x00", "🌊"])
def test_the_parts_of_a_text_are_bounded_and_make_the_whole(letter: str) -> None:
    text = letter * 70_000
    parts, start = [], 0

    while start is not None:
        part = part_of_text(text.encode(), start)
        assert len(orjson.dumps(part["text"])) <= PART_BYTES
        parts.append(part["text"])
        start = part["next_from"]

    assert "".join(parts) == text
    assert part_of_text(b"7", 5) == {"text": "", "from": 5, "next_from": None, "characters": 1}
