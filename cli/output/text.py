"""Text and JSON as a terminal can show them."""

from __future__ import annotations

import json
from typing import Any


def printable(text: str, *, keeps_lines: bool = False) -> str:
    """Text with control characters as escapes; line breaks too, unless they are kept."""
    kept = "\n" if keeps_lines else ""
    return "".join(
        letter if letter.isprintable() or letter in kept else repr(letter)[1:-1] for letter in text
    )


def cells(text: str) -> int:
    """How many columns of a terminal a text takes; many characters of East Asia take two."""
    from rich.cells import cell_len

    return cell_len(text)


def fitted(text: str, width: int) -> str:
    """Text in exactly so many columns: filled up with blanks, or cut with a mark."""
    from rich.cells import set_cell_size

    return (
        text + " " * (width - cells(text)) if cells(text) <= width else set_cell_size(text, width - 1) + "…"
    )


def json_line(document: Any) -> str:
    """A document as JSON on one line."""
    return json.dumps(document, ensure_ascii=False)


def counted(count: int, word: str) -> str:
    """`no errors`, `1 error`, `2 errors`."""
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"
