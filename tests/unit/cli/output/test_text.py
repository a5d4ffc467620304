"""Text as a terminal can show it."""

from __future__ import annotations

import pytest

from cli.output.text import cells, fitted, printable


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 5, "abc  "),
        ("abcdef", 4, "abc…"),
        ("注文", 5, "注文 "),
        ("注文注文", 6, "注文 …"),
    ],
)
def test_text_is_fitted_into_columns(text: str, width: int, shown: str) -> None:
    assert fitted(text, width) == shown
    assert cells(fitted(text, width)) == width


def test_what_would_steer_the_terminal_is_shown_as_an_escape() -> None:
    assert printable("a\x1b[31m\u202eb") == "a\\x1b[31m\\u202eb"
