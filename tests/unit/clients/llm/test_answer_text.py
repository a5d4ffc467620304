"""The text of an answer is what was passed on, whatever the pieces are cut at."""

from __future__ import annotations

import pytest

from clients.llm.answer_text import AnswerText


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["a", "", "b"], "ab"),
        (["x\ud83d", "\ude00y"], "x😀y"),
        (["\ud83d", "", "\ude00"], "😀"),
        (["\ud83d\ude00"], "😀"),
        (["a\ud83d", "b"], "a\ufffdb"),
        (["a\ud83d"], "a\ufffd"),
        (["\ude00a"], "\ufffda"),
    ],
)
def test_halves_of_a_character_are_joined_and_what_is_left_is_marked(pieces: list[str], text: str) -> None:
    passed_on: list[str] = []
    answer = AnswerText(passed_on.append)

    for piece in pieces:
        answer.add(piece)
    answer.close()

    assert answer.text == "".join(passed_on) == text
    assert "" not in passed_on
