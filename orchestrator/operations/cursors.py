"""Reads the cursors of lists. Each is the `next_cursor` of the page before, as its list wrote it.

All functions raise CursorInvalid for a text that no page ends with.
"""

from __future__ import annotations

import re

from orchestrator.errors import CursorInvalid

_PLACE = re.compile(r"\d{1,15}", re.ASCII)
_POSITION = re.compile(r"(\d{1,16})\.(.{0,512})", re.ASCII)
_ENTRY_ID = re.compile(r"\d{1,18}-\d{1,18}", re.ASCII)


def read_place(cursor: str | None) -> int:
    """Read `PLACE`, counted from 0, of a list without gaps: items, children."""
    if not cursor:
        return 0
    if not _PLACE.fullmatch(cursor):
        raise CursorInvalid(cursor)
    return int(cursor)


def read_position(cursor: str | None) -> tuple[int, str] | None:
    """Read `MS.ID` of a list ordered by time: the row after which the next page begins."""
    if not cursor:
        return None
    found = _POSITION.fullmatch(cursor)
    if found is None:
        raise CursorInvalid(cursor)
    return int(found[1]), found[2]


def read_entry_id(cursor: str | None) -> str | None:
    """Read the id of a stream entry."""
    if not cursor:
        return None
    if not is_entry_id(cursor):
        raise CursorInvalid(cursor)
    return cursor


def is_entry_id(text: str) -> bool:
    """Say whether a text has the form of a stream entry's id."""
    return _ENTRY_ID.fullmatch(text) is not None
