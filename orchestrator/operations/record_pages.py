"""Pages of records that are listed by their creation, newest first: workflows, schedules."""

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
    """Reads ids and times of creation from an index, newest first; equal times in descending order of id."""

    def __call__(
        self, tenant: str, *, newest_ms: str, offset: int, count: int
    ) -> Awaitable[list[tuple[str, int]]]: ...


async def page_of(
    list_ids: ListIds,
    read: Callable[[str, Sequence[str]], Awaitable[list[R]]],
    tenant: str,
    *,
    limit: int,
    cursor: str | None,
    place_of: Callable[[R], tuple[int, str]],
    is_wanted: Callable[[R], bool] = lambda _: True,
) -> Page:
    """Read rows of an index until a page is full. The cursor names the last row given: `MS.ID`.

    read      gives the records of ids.
    place_of  gives the row of a record: when it was made, Redis ms, and its id.
    Raises CursorInvalid.
    """
    newest, after_id = "+inf", ""
    if position := read_position(cursor):
        newest, after_id = str(position[0]), position[1]
    items: list[R] = []
    last_id, last_ms = "", 0
    for offset in range(0, MOST_ROWS, BATCH):
        rows = await list_ids(tenant, newest_ms=newest, offset=offset, count=BATCH)
        # Those of one millisecond are in descending order of id: up to the cursor's own they were given.
        fresh = [row for row in rows if not after_id or row[1] < int(newest) or row[0] < after_id]
        for record in await read(tenant, [row[0] for row in fresh]):
            if is_wanted(record):
                if len(items) == limit:
                    return Page(items, "{}.{}".format(*place_of(items[-1])))
                items.append(record)
        if len(rows) < BATCH:
            return Page(items, None)
        if fresh:
            last_id, last_ms = fresh[-1]
    return Page(items, f"{last_ms}.{last_id}")
