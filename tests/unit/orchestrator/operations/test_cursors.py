"""Cursors of lists: what a page ends with is read, all else is refused with one message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.errors import CursorInvalid
from orchestrator.operations.cursors import read_entry_id, read_place, read_position


@pytest.mark.parametrize(
    ("read", "cursor", "found"),
    [
        (read_place, "20", 20),
        (read_place, None, 0),
        (read_place, "", 0),
        (read_position, "1700000000123.01900000-0000-7000", (1_700_000_000_123, "01900000-0000-7000")),
        (read_position, "5.e1:ask[3]:2", (5, "e1:ask[3]:2")),
        (read_position, "5.", (5, "")),
        (read_position, None, None),
        (read_entry_id, "1700000000123-0", "1700000000123-0"),
        (read_entry_id, None, None),
    ],
)
def test_what_a_page_ends_with_is_read(
    read: Callable[[str | None], Any], cursor: str | None, found: object
) -> None:
    assert read(cursor) == found


@pytest.mark.parametrize("read", [read_place, read_position, read_entry_id])
@pytest.mark.parametrize("cursor", ["-1", "nonsense", "1.5\n", "٣", " 1", "1" * 99])
def test_all_else_is_refused(read: Callable[[str | None], Any], cursor: str) -> None:
    with pytest.raises(CursorInvalid, match="'cursor' must be the next_cursor of a page before, unchanged"):
        read(cursor)
