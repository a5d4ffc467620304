"""Compares what a command printed with what a page says it prints: line by line, `…` stands for anything."""

from __future__ import annotations

import re

ANYTHING = "…"
#: What differs each time: ids of executions (whole, or cut off by `…`) and times.
VARYING = re.compile(r"\b01[0-9a-f]{2,6}-?[0-9a-f-]*…?|\b\d{4}-\d\d-\d\dT[\d:]+(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
#: Where the answer of one `curl` ends and that of the next begins: neither ends its line.
SEAM = re.compile(r"(?<=\})(?=\{\"|retry: )")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def missing(expected: str, printed: str, *, is_json: bool = False) -> str | None:
    """The first expected line that was not printed in its turn; None if all were.

    More may be printed before, between and behind. JSON is compared as one line, whatever its line breaks.
    """
    if is_json:
        whole = _pattern(re.sub(r"\s+", "", expected))
        return None if re.search(whole, re.sub(r"\s+", "", printed)) else expected
    lines = [_flat(line) for line in SEAM.sub("\n", COLOURS.sub("", printed)).splitlines()]
    at = 0
    for line in expected.splitlines():
        if not line.strip() or line.strip() == ANYTHING:
            continue
        pattern = re.compile(_pattern(_flat(line)))
        found = next((number for number in range(at, len(lines)) if pattern.fullmatch(lines[number])), None)
        if found is None:
            return line
        at = found + 1
    return None


def _pattern(expected: str) -> str:
    pieces = VARYING.sub(ANYTHING, expected).split(ANYTHING)
    return r"\s*.*?\s*".join(re.escape(piece.strip()).replace(r"\ ", r"\s+") for piece in pieces)


def _flat(line: str) -> str:
    return " ".join(line.split())
