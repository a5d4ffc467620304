"""`engine.recent`: the newest executions of a tenant, counted, and looked at again and again for little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.execution.model import Execution
from orchestrator.operations.execution_pages import Counts, count_of, holder_of, indexes_of
from orchestrator.operations.owner import Owner
from orchestrator.operations.sieve import EVERYTHING, Sieve
from orchestrator.store.briefs import Mark, Sight
from orchestrator.store.reader import Store

__all__ = ["Mark", "Recent", "Sight"]


class Recent:
    """What is new in the lists of one tenant."""

    def __init__(self, store: Store, owner: Owner) -> None:
        self._store = store
        self._owner = owner

    async def sight(self, most: int) -> Sight:
        """Look at the newest executions, `most` of them: a mark of each, and what is to be done."""
        return await self._store.briefs.sight(self._owner.tenant, most)

    async def count(
        self,
        *,
        sieve: Sieve = EVERYTHING,
        workflow_id: str | None = None,
        labels: Sequence[tuple[str, str]] = (),
        execution_key: str | None = None,
        created_after_ms: int | None = None,
        created_before_ms: int | None = None,
    ) -> Counts:
        """Count by status what `executions.list` gives for any status; the newest, up to a bound."""
        tenant, sieve = self._owner.tenant, sieve.of_any_status()
        indexes = indexes_of(self._store, tenant, workflow_id, labels)
        if execution_key is not None:
            page = await holder_of(self._store, tenant, execution_key, indexes, sieve)
            return Counts({row.status: 1 for row in page.items}, is_complete=True)
        span_ms = (created_after_ms, created_before_ms)
        return await count_of(self._store, indexes, span_ms=span_ms, sieve=sieve)

    async def rows(self, execution_ids: Sequence[str]) -> list[Execution]:
        """Read executions that a sight has named; those that are gone by now are left out."""
        return [row for row in await self._store.executions(execution_ids) if row is not None]

    async def gone(self, execution_ids: Iterable[str]) -> list[str]:
        """Return those of the given executions that have been purged."""
        ids = list(execution_ids)
        present = await self._store.index.names(ids)
        return [each for each in ids if each not in present]
