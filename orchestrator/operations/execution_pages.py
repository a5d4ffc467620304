"""Pages of the executions that stand in all of some indexes: of a tenant, a workflow, labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from orchestrator.execution.model import Execution
from orchestrator.operations.pages import page_of
from orchestrator.operations.results import Page
from orchestrator.states import ExecutionStatus
from orchestrator.store.reader import Store

IsWanted = Callable[[Execution], bool]


def those_of(status: ExecutionStatus | None, name: str | None) -> IsWanted:
    """Want those of a status and a title; None is any."""

    def is_wanted(row: Execution) -> bool:
        return (status is None or row.status is status) and (name is None or row.name == name)

    return is_wanted


async def executions_of(
    store: Store,
    indexes: Sequence[str],
    *,
    limit: int,
    cursor: str | None,
    span_ms: tuple[int | None, int | None],
    is_wanted: IsWanted,
) -> Page:
    """List them, newest first, by the rows of the shortest index.

    span_ms  the first and the last moment at which they were made, Redis ms; None for no bound.
    Raises CursorInvalid.
    """
    oldest, newest = span_ms
    index, *others = await store.index.narrowest_first(indexes)

    async def read(execution_ids: Sequence[str]) -> Sequence[Execution | None]:
        return await store.executions(await store.index.members(others, execution_ids))

    return await page_of(
        partial(store.index.rows, index, oldest_ms="-inf" if oldest is None else str(oldest)),
        read,
        limit=limit,
        cursor=cursor,
        place_of=lambda row: (row.created_ms, row.execution_id),
        is_wanted=is_wanted,
        newest_ms="+inf" if newest is None else str(newest),
    )


async def holder_of(
    store: Store,
    tenant: str,
    execution_key: str,
    indexes: Sequence[str],
    is_wanted: IsWanted,
) -> Page:
    """List the one execution that holds a key, if it stands in all of the indexes and is wanted."""
    holder = await store.index.holder(tenant, execution_key)
    ids = await store.index.members(indexes, [holder] if holder else [])
    return Page([row for row in await store.executions(ids) if row and is_wanted(row)], None)
