"""Which words are taken for a slip of the pen."""

from __future__ import annotations

import pytest

from orchestrator.lint.near_words import Nearest, nearest


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("HTTP.5xx", "Http.5xx"),
        ("Timout.Signal", "Timeout.Signal"),
        ("tpye", "type"),
        ("max_items", "maxItems"),
        ("LeaseLsot", "LeaseLost"),
    ],
)
def test_a_word_that_differs_by_case_or_a_letter_or_two_is_a_slip(word: str, known: str) -> None:
    assert nearest(word, ["other", known]) == known


@pytest.mark.parametrize(
    ("word", "known"),
    [("note", "not"), ("form", "format"), ("id", "if"), ("Payments", "Poison"), ("x" * 100, "x" * 101)],
)
def test_another_word_is_none(word: str, known: str) -> None:
    assert nearest(word, [known]) is None


def test_a_known_word_is_no_slip_whatever_it_is_near() -> None:
    assert nearest("Http.4xx", ["Http.5xx", "Http.4xx"]) is None


def test_so_many_words_are_compared_and_the_same_one_once() -> None:
    words = Nearest(["type"], 2)

    assert [words.of(word) for word in ("tpye", "tpye", "typ", "tipe")] == ["type", "type", None, None]
