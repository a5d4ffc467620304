"""The words of messages: a value quoted, a name that was probably meant, text of anything."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.wording import did_you_mean, kind_of, quoted, text_of, which_name


def test_a_hint_needs_a_close_word_among_few() -> None:
    assert did_you_mean("zzz", ["http"]) is None
    assert did_you_mean("htpp", ["http"] * 1_001) is None


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("tick", "did you mean 'heartbeat-tick'?"),
        ("Heartbeat", "did you mean 'heartbeat-tick'?"),
        ("report", "did you mean 'reports' or 'daily-report' or 'report-of-may'?"),
        ("order_flow", "did you mean 'order-flow'?"),
        ("tic", None),
        ("", None),
    ],
)
def test_a_name_is_known_by_a_part_of_it_too(word: str, words: str | None) -> None:
    names = ["heartbeat-tick", "reports", "daily-report", "report-of-may", "order-flow"]

    assert which_name(word, names) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "null"), (True, "true"), ({"a": 1}, "an object"), ([1], "a list"), (5, "5"), ("x", "'x'")],
)
def test_values_are_quoted_and_containers_named(value: Any, words: str) -> None:
    assert quoted(value) == words


def test_long_texts_are_cut() -> None:
    assert quoted("x" * 200).endswith("…")


def test_what_json_has_no_word_for_is_nothing_usable() -> None:
    assert kind_of({1}) == "nothing usable"


def test_anything_becomes_text_that_can_be_sent() -> None:
    class Silent:
        def __str__(self) -> str:
            raise RuntimeError

    assert text_of(Silent()) == "(Silent that cannot be shown)"
    assert text_of("half \ud800") == "half ?"
