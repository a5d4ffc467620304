"""Text and JSON as a terminal can show them."""

from __future__ import annotations

import codecs
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

#: What stands for a mark where the encoding of the output has none: one letter each, so that widths hold.
PLAIN_MARKS = {
    "·": ".", "◌": "o", "●": "*", "◷": "w", "✓": "+", "✗": "x", "↷": ">", "■": "#", "━": "=", "─": "-",
    "–": "-", "—": "-", "…": "~", "→": ">",
}  # fmt: skip
_PLAIN = "headrace.plain"
#: Lists in messages: `(allowed: …)` and `; allowed: …`. Short ones may stand twice.
_LISTS = re.compile(r" \((?:allowed|known): [^()]{60,}\)|; allowed: [^;()]{60,}(?=;|\Z)")


def write_what_can_be_written() -> None:
    """Let no character end a command: one that standard output cannot encode is replaced or escaped."""
    codecs.register_error(_PLAIN, _plain)
    for stream in (sys.stdout, sys.stderr):
        # Who has chosen another way, by PYTHONIOENCODING, keeps it.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors=_PLAIN)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    escaped = (PLAIN_MARKS.get(each) or json.dumps(each)[1:-1] for each in letters)
    return "".join(escaped), error.end


def printable(text: str, *, keeps_lines: bool = False) -> str:
    """Text with control characters as escapes; line breaks too, unless they are kept."""
    kept = "\n" if keeps_lines else ""
    return "".join(
        letter if letter.isprintable() or letter in kept else repr(letter)[1:-1] for letter in text
    )


def without_repeats(texts: Iterable[str]) -> Iterator[str]:
    """Leave out a long list of what is allowed where one of the texts before had the same."""
    said: set[str] = set()
    for text in texts:
        shown, lists = text, _LISTS.findall(text)
        for each in lists:
            if each in said:
                shown = shown.replace(each, "", 1)
        said.update(lists)
        yield shown


def cells(text: str) -> int:
    """How many columns of a terminal a text takes; many characters of East Asia take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fitted(text: str, width: int) -> str:
    """Text in exactly so many columns: filled up with blanks, or cut with a mark."""
    if (taken := cells(text)) <= width:
        return text + " " * (width - taken)
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1) + "…"


def json_line(document: Any) -> str:
    """A document as JSON on one line."""
    return json_text(document, indent=None)


def json_text(document: Any, *, indent: int | None = 2) -> str:
    """A document as JSON, escaped where standard output could not hold it: it must be the same when read."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(document, indent=indent)
    return text


def counted(count: int, word: str) -> str:
    """`no errors`, `1 error`, `2 errors`."""
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def span_words(seconds: float) -> str:
    """A span of time: `0.4 s`, `12 s`, `4 min 5 s`, `3 h 20 min`, `2 d 5 h`."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"
    hours, rest_min = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest_min} min" if rest_min else f"{hours} h"
    days, rest_h = divmod(hours, 24)
    return f"{days} d {rest_h} h" if rest_h else f"{days} d"


def excerpt(text: str, most: int) -> str:
    """A text on one line; where it is longer than so many characters its beginning, marked as one."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}… ({len(line):,} characters)"
