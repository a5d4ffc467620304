"""`engine.events`: the history of executions, and news of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import Event
from orchestrator.operations.owner import Owner
from orchestrator.store.histories import is_cut
from orchestrator.store.reader import Store
from orchestrator.store.subscription import EventSubscription

__all__ = ["EventSubscription", "Events", "is_cut"]


class Events:
    """The events of executions, numbered from 1 without a gap.

    subscribe  opens a subscription to news of executions; one is enough for a process.
    """

    def __init__(self, store: Store, subscribe: Callable[[], EventSubscription], owner: Owner) -> None:
        self._store = store
        self._owner = owner
        self.subscribe = subscribe

    async def list(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """List events in order, from number `after` + 1 on; none of one that was just purged.

        Fewer than the limit where they are large: `is_cut` says whether more may follow.
        Raises ExecutionNotFound.
        """
        execution_id = await self._owner.execution(execution_id)
        return await self._store.events(execution_id, after=after, limit=limit)

    async def position(self, execution_id: str, *, after: int | None, is_from_now: bool) -> int | None:
        """Find the event behind which a watcher reads on; None when it has seen all of an ended execution.

        after        number of the event seen last; None for a watcher that has seen none.
        is_from_now  without `after`: only what is yet to come.
        Raises ExecutionNotFound.
        """
        execution_id = await self._owner.execution(execution_id)
        # Status before last number: an execution that is terminal by then can no longer grow unseen.
        status = await self._store.status(execution_id)
        if status is None:
            raise ExecutionNotFound(execution_id)
        if not after and not is_from_now:
            return 0
        last = await self._store.last_seq(execution_id)
        # A number from the future is one that the store lost; what is new is then behind its present end.
        position = last if after is None else min(after, last)
        return None if status.is_terminal and position >= last else position

    async def last_seq(self, execution_id: str) -> int:
        """Read the number of the newest event; 0 when there is none. Raises ExecutionNotFound."""
        execution_id = await self._owner.execution(execution_id)
        return await self._store.last_seq(execution_id)
