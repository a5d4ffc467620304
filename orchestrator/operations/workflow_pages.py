"""Pages of the registry, newest first, narrowed by labels and a text."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.operations.cursors import read_position
from orchestrator.operations.results import Page
from orchestrator.store.workflows import WorkflowRecords

#: Index rows read at a time, and at most for one page, when a filter is narrow.
BATCH = 200
MOST_ROWS = 5_000


async def page_of(
    records: WorkflowRecords,
    tenant: str,
    *,
    limit: int,
    cursor: str | None,
    labels: Sequence[tuple[str, str]],
    text: str | None,
) -> Page:
    """Read rows of the index until a page is full. The cursor names the last row given: `MS.ID`.

    Raises CursorInvalid.
    """
    newest, after_id = "+inf", ""
    if position := read_position(cursor):
        newest, after_id = str(position[0]), position[1]
    items: list[WorkflowRecord] = []
    last_id, last_ms = "", 0
    for offset in range(0, MOST_ROWS, BATCH):
        rows = await records.list_ids(tenant, newest_ms=newest, offset=offset, count=BATCH)
        # Those of one millisecond are in descending order of id: up to the cursor's own they were given.
        fresh = [row for row in rows if not after_id or row[1] < int(newest) or row[0] < after_id]
        for record in await records.records(tenant, [row[0] for row in fresh]):
            if _is_wanted(record, labels, text):
                if len(items) == limit:
                    return Page(items, f"{items[-1].created_ms}.{items[-1].workflow_id}")
                items.append(record)
        if len(rows) < BATCH:
            return Page(items, None)
        if fresh:
            last_id, last_ms = fresh[-1]
    return Page(items, f"{last_ms}.{last_id}")


def _is_wanted(record: WorkflowRecord, labels: Sequence[tuple[str, str]], text: str | None) -> bool:
    if any(record.labels.get(name) != value for name, value in labels):
        return False
    return text is None or record.has_text(text)
