"""Pages of the executions that stand in all of some indexes: of a tenant, a workflow, labels; and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from orchestrator.execution.model import Execution
from orchestrator.operations.origin import label_digest
from orchestrator.operations.pages import MOST_ROWS, page_of
from orchestrator.operations.results import Page
from orchestrator.operations.sieve import Sieve
from orchestrator.states import ExecutionStatus
from orchestrator.store.reader import Store

#: Rows counted at a time; and in all, where their statuses alone are looked at.
SLICE = 500
MOST_STATUSES = 20_000


@dataclass(frozen=True, slots=True)
class Counts:
    """Executions by status; those of a status that is not there are none. is_complete: all were looked at."""

    by_status: Mapping[ExecutionStatus, int]
    is_complete: bool


def indexes_of(
    store: Store, tenant: str, workflow_id: str | None, labels: Sequence[tuple[str, str]]
) -> Sequence[str]:
    """Name the indexes in which all stands that has this workflow and these labels."""
    return store.index.keys_of(tenant, workflow_id, [label_digest(*label) for label in labels])


async def executions_of(
    store: Store,
    indexes: Sequence[str],
    *,
    limit: int,
    cursor: str | None,
    span_ms: tuple[int | None, int | None],
    sieve: Sieve,
) -> Page:
    """List them, newest first, by the rows of the shortest index.

    A page of a filter that lets little through can be short, or empty, and still lead to another.
    span_ms  the first and the last moment at which they were made, Redis ms; None for no bound.
    Raises CursorInvalid.
    """
    oldest, newest = _bounds(span_ms, sieve)
    index, *others = await store.index.narrowest_first(indexes)

    async def read(execution_ids: Sequence[str]) -> Sequence[Execution | None]:
        ids = await store.index.members(others, execution_ids)
        if sieve.needs_briefs:
            ids = [row.execution_id for row in await store.briefs.read(ids) if sieve.lets_through(row)]
        elif sieve.statuses:
            found = await store.index.statuses(ids)
            ids = [each for each in ids if found.get(each) in sieve.statuses]
        return await store.executions(ids)

    return await page_of(
        partial(store.index.rows, index, oldest_ms=oldest),
        read,
        limit=limit,
        cursor=cursor,
        place_of=lambda row: (row.created_ms, row.execution_id),
        # Again: what is read whole is read a moment later.
        is_wanted=sieve.lets_through,
        newest_ms=newest,
    )


async def count_of(
    store: Store, indexes: Sequence[str], *, span_ms: tuple[int | None, int | None], sieve: Sieve
) -> Counts:
    """Count them by status, the newest first, up to a bound."""
    oldest, newest = _bounds(span_ms, sieve)
    index, *others = await store.index.narrowest_first(indexes)
    most = MOST_ROWS if sieve.needs_briefs else MOST_STATUSES
    counts: Counter[ExecutionStatus] = Counter()
    for offset in range(0, most, SLICE):
        rows = await store.index.rows(index, newest_ms=newest, oldest_ms=oldest, offset=offset, count=SLICE)
        ids = await store.index.members(others, [execution_id for execution_id, _ in rows])
        if sieve.needs_briefs:
            counts.update(row.status for row in await store.briefs.read(ids) if sieve.lets_through(row))
        else:
            counts.update((await store.index.statuses(ids)).values())
        if len(rows) < SLICE:
            return Counts(counts, is_complete=True)
    return Counts(counts, is_complete=False)


async def holder_of(
    store: Store, tenant: str, execution_key: str, indexes: Sequence[str], sieve: Sieve
) -> Page:
    """List the one execution that holds a key, if it stands in all of the indexes and is wanted."""
    holder = await store.index.holder(tenant, execution_key)
    ids = await store.index.members(indexes, [holder] if holder else [])
    return Page([row for row in await store.executions(ids) if row and sieve.lets_through(row)], None)


def _bounds(span_ms: tuple[int | None, int | None], sieve: Sieve) -> tuple[str, str]:
    """The same as ZRANGE takes it. What ended by a moment was made by then."""
    oldest, newest = span_ms
    if (ended := sieve.ended_ms[1]) is not None:
        newest = ended if newest is None else min(newest, ended)
    return "-inf" if oldest is None else str(oldest), "+inf" if newest is None else str(newest)
