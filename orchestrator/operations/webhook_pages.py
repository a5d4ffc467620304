"""Pages of a tenant's webhooks, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.definitions.webhooks import WebhookRecord
from orchestrator.operations.cursors import read_position
from orchestrator.operations.results import Page, WebhookView
from orchestrator.store.reader import Store

#: Rows read at a time, and at most: there are no more webhooks of one tenant.
BATCH = 200
MOST_ROWS = 1_000


async def page_of(
    store: Store, tenant: str, *, limit: int, cursor: str | None, workflow_id: str | None
) -> Page:
    """Read rows of the list until a page is full. The cursor names the last row given: `MS.NAME`.

    workflow_id  whose they are; None for those of all.
    Raises CursorInvalid.
    """
    newest, after = "+inf", ""
    if position := read_position(cursor):
        newest, after = str(position[0]), position[1]
    found: list[WebhookRecord] = []
    next_cursor: str | None = None
    for offset in range(0, MOST_ROWS, BATCH):
        rows = await store.webhooks.list_names(tenant, newest_ms=newest, offset=offset, count=BATCH)
        # Those of one millisecond are in descending order: up to the cursor's own they were given.
        names = [row[0] for row in rows if not after or row[1] < int(newest) or row[0] < after]
        found += [
            each for each in await store.webhooks.records(names) if _is_wanted(each, tenant, workflow_id)
        ]
        if len(found) > limit:
            next_cursor = f"{found[limit - 1].created_ms}.{found[limit - 1].name}"
            break
        if len(rows) < BATCH:
            break
    return Page([*await views_of(store, tenant, found[:limit])], next_cursor)


async def views_of(store: Store, tenant: str, records: Sequence[WebhookRecord]) -> Sequence[WebhookView]:
    """Add the names of their workflows."""
    ids = list(dict.fromkeys(record.workflow_id for record in records))
    names = {each.workflow_id: each.name for each in await store.workflows.records(tenant, ids)}
    return [WebhookView(record, names.get(record.workflow_id, "")) for record in records]


def _is_wanted(record: WebhookRecord, tenant: str, workflow_id: str | None) -> bool:
    # Trigger paths belong to the doors that made them.
    is_listed = record.kind == "webhook" and record.tenant == tenant
    return is_listed and workflow_id in (None, record.workflow_id)
