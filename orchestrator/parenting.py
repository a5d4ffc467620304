"""The engine's answers about executions that nodes of another one started."""

from __future__ import annotations

from orchestrator.answers import Page
from orchestrator.errors import ExecutionNotFound
from orchestrator.store import Store


class Parenting:
    """The part of the engine that knows who started whom."""

    store: Store

    async def children(self, execution_id: str, *, first: int, limit: int) -> Page:
        """Executions that nodes of this one started, oldest first, from place `first` on.

        Those that are no more are left out; the cursor is a place. Raises ExecutionNotFound.
        """
        if await self.store.status(execution_id) is None:
            raise ExecutionNotFound(execution_id)
        key = self.store.keys.children(execution_id)
        entries = await self.store.redis.lrange(key, first, first + limit - 1)
        found = await self.store.executions([entry.decode().split()[0] for entry in entries])
        following = str(first + limit) if len(entries) == limit else None
        return Page([child for child in found if child is not None], following)
