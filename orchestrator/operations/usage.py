"""`engine.usage`: what calls to paid services have used."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.definitions.budgets import Usage
from orchestrator.operations.owner import Owner
from orchestrator.store.reader import Store

#: A day as budgets count it: from midnight to midnight, UTC.
DAY_MS = 86_400_000


class UsageReport:
    """Calls to language models, their tokens and their cost, over all executions of a tenant."""

    def __init__(self, store: Store, owner: Owner) -> None:
        self.store = store
        self._owner = owner

    async def by_day(self, *, days: int = 30) -> Sequence[tuple[int, Usage]]:
        """Sum the usage of each of the last days (UTC), today first: (its first millisecond, usage)."""
        today = await self.store.now_ms() // DAY_MS
        used = await self.store.usage_rows(self._owner.tenant, range(today, today - days, -1))
        return [((today - back) * DAY_MS, usage) for back, usage in enumerate(used)]
