"""Lists executions by what they have, page after page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.execution.model import Execution
from orchestrator.operations.results import Page
from orchestrator.store.reader import Store

#: Index rows read at a time, and at most for one page, when a filter is narrow.
BATCH = 200
MOST_ROWS = 5_000


async def page_of(
    store: Store,
    indexes: Sequence[str],
    newest: str,
    oldest: str,
    after_id: str,
    *,
    limit: int,
    is_wanted: Callable[[Execution], bool],
) -> Page:
    """Read rows of the narrowest index until a page is full. The cursor names the last row given: `MS.ID`."""
    items: list[Execution] = []
    offset = 0
    index, *others = await store.index.narrowest_first(indexes)
    while offset < MOST_ROWS:
        rows = await store.index.rows(index, newest_ms=newest, oldest_ms=oldest, offset=offset, count=BATCH)
        offset += len(rows)
        # Rows of one millisecond are in descending order of id: those up to the cursor's own were given
        # before.
        fresh = [row for row in rows if not after_id or row[1] < int(newest) or row[0] < after_id]
        ids = await store.index.members(others, [execution_id for execution_id, _ in fresh])
        found = await store.executions(ids) if ids else []
        for execution in found:
            if execution and is_wanted(execution):
                if len(items) == limit:
                    return Page(items, f"{items[-1].created_ms}.{items[-1].execution_id}")
                items.append(execution)
        if len(rows) < BATCH:
            return Page(items, None)
    last_id, last_ms = fresh[-1] if fresh else ("", 0)
    return Page(items, f"{last_ms}.{last_id}")
