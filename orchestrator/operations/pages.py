"""Pages of lists by time, newest first: of executions, workflows, schedules, webhooks, deliveries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from orchestrator.operations.cursors import read_position
from orchestrator.operations.results import Page

#: Index rows read at a time, and at most for one page, when a filter is narrow.
BATCH = 200
MOST_ROWS = 5_000

R = TypeVar("R")


class ListIds(Protocol):
    """Reads ids and times from an index, newest first; equal times in descending order of id."""

    def __call__(self, *, newest_ms: str, offset: int, count: int) -> Awaitable[list[tuple[str, int]]]: ...


async def page_of(
    list_ids: ListIds,
    read: Callable[[Sequence[str]], Awaitable[Sequence[R | None]]],
    *,
    limit: int,
    cursor: str | None,
    place_of: Callable[[R], tuple[int, str]],
    is_wanted: Callable[[R], bool] = lambda _: True,
    newest_ms: str = "+inf",
) -> Page:
    """Read rows of an index until a page is full. The cursor names the last row given: `MS.ID`.

    read       gives the records of ids; None for one that is gone or unwanted.
    place_of   gives the row of a record: its time, Redis ms, and its id.
    newest_ms  where the first page begins, as ZRANGE takes it.
    Raises CursorInvalid.
    """
    after_id = ""
    if position := read_position(cursor):
        newest_ms, after_id = str(position[0]), position[1]
    items: list[R] = []
    last_id, last_ms = "", 0
    for offset in range(0, MOST_ROWS, BATCH):
        rows = await list_ids(newest_ms=newest_ms, offset=offset, count=BATCH)
        # Those of one millisecond are in descending order of id: up to the cursor's own they were given.
        fresh = [row for row in rows if not after_id or row[1] < int(newest_ms) or row[0] < after_id]
        for record in await read([row[0] for row in fresh]):
            if record is not None and is_wanted(record):
                if len(items) == limit:
                    return Page(items, place_text(place_of(items[-1])))
                items.append(record)
        if len(rows) < BATCH:
            return Page(items, None)
        if fresh:
            last_id, last_ms = fresh[-1]
    return Page(items, place_text((last_ms, last_id)))


def place_text(place: tuple[int, str]) -> str:
    """Write the cursor behind a row of this time and id."""
    return f"{place[0]}.{place[1]}"
