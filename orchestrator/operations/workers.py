"""`engine.workers`: which workers are alive."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.execution.inventory import Announced, WorkerInfo
from orchestrator.store.reader import Store


class Workers:
    """The worker processes that announce themselves."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self) -> Sequence[WorkerInfo]:
        """List the live workers, in order of their ids: what each offers and how busy it is."""
        return await self._store.workers()

    async def announced(self) -> Announced:
        """What live workers offer, with the texts of the cards of the handlers they have loaded."""
        return await self._store.announced()
