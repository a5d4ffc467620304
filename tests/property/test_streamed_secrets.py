"""However a text with secrets is cut into pieces, what is streamed of it is the text without them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.context import RESET, TOKEN
from workers.runtime.redaction import RedactingSink, Redactor

PROPERTY = settings(max_examples=200, deadline=None)
#: Few letters, so that secrets begin, overlap and contain each other by chance.
WORDS = st.text("ab+", min_size=4, max_size=9)
SECRETS = st.lists(WORDS, min_size=1, max_size=4)


class Watcher:
    """What somebody sees who keeps to the rules of a stream."""

    def __init__(self) -> None:
        self.text = ""
        self.pieces: list[str] = []

    def emit(self, type: str, data: dict[str, Any]) -> None:
        if type == RESET:
            self.text = ""
        if type == TOKEN:
            self.text += data["text"]
            self.pieces.append(data["text"])


@st.composite
def split_texts(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Secrets, and the pieces of a text in which they, and parts of them, occur."""
    secrets = draw(SECRETS)
    parts = st.sampled_from(secrets)
    some = st.builds(lambda word, end: word[:end], parts, st.integers(1, 8))
    text = "".join(draw(st.lists(parts | some | st.text("ab+ ", max_size=3), max_size=8)))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    edges = [0, *cuts, len(text)]
    return secrets, [text[start:end] for start, end in pairwise(edges)]


@PROPERTY
@given(split_texts())
def test_any_split_gives_the_redacted_whole(found: tuple[list[str], list[str]]) -> None:
    secrets, pieces = found
    redactor, watcher = Redactor(secrets), Watcher()
    sink = RedactingSink(watcher, redactor)

    for piece in pieces:
        sink.emit(TOKEN, {"text": piece})
    sink.end()

    assert watcher.text == redactor.text("".join(pieces))
    assert all(watcher.pieces)


@PROPERTY
@given(split_texts())
def test_nothing_is_shown_that_what_comes_next_would_hide(found: tuple[list[str], list[str]]) -> None:
    secrets, pieces = found
    redactor, watcher = Redactor(secrets), Watcher()
    sink = RedactingSink(watcher, redactor)
    endings = [secret[n:] for secret in secrets for n in range(len(secret))]
    text = ""

    for piece in pieces:
        sink.emit(TOKEN, {"text": piece})
        text += piece

        assert all(redactor.text(text + ending).startswith(watcher.text) for ending in endings)


@PROPERTY
@given(split_texts(), split_texts())
def test_what_was_held_back_does_not_outlive_a_reset(
    first: tuple[list[str], list[str]], second: tuple[list[str], list[str]]
) -> None:
    redactor, watcher = Redactor([*first[0], *second[0]]), Watcher()
    sink = RedactingSink(watcher, redactor)

    for piece in first[1]:
        sink.emit(TOKEN, {"text": piece})
    sink.emit(RESET, {"reason": "repair"})
    for piece in second[1]:
        sink.emit(TOKEN, {"text": piece})
    sink.end()

    assert watcher.text == redactor.text("".join(second[1]))
