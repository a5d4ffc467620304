"""`engine.events`: the history of executions, and news of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import Event
from orchestrator.operations.nodes import find_node
from orchestrator.operations.owner import Owner
from orchestrator.store.histories import is_cut
from orchestrator.store.reader import Store
from orchestrator.store.subscription import EventSubscription, Topic, Wakeup
from orchestrator.units import index_of, node_of

__all__ = ["EventSubscription", "Events", "Topic", "Wakeup", "is_cut"]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A part of a history.

    last_seq     number of its newest event.
    next_before  reads the part before this one; None where nothing earlier is left.
    next_after   reads the part behind this one; None where there is none, or none yet.
    """

    events: Sequence[Event]
    last_seq: int
    next_before: int | None
    next_after: int | None


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

    async def page(
        self,
        execution_id: str,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 200,
        unit: str | None = None,
        types: Collection[str] = (),
    ) -> HistoryPage:
        """Read a part of a history: the newest events before a number, or those that follow `after`.

        unit   only events of this node and its items, or of this item.
        types  only events of these types; without one, of any.
        Where few events are wanted, a page may end before its limit, or be empty, while there are more.
        Raises ExecutionNotFound, NodeNotFound.
        """
        execution_id = await self._owner.execution(execution_id)
        if await self._store.status(execution_id) is None:
            raise ExecutionNotFound(execution_id)
        if unit is not None:
            await find_node(self._store, execution_id, unit)
        first, last = await self._store.histories.bounds(execution_id)
        scan = await self._store.histories.scan(
            execution_id,
            lambda event: (unit is None or _is_about(event, unit)) and (not types or event.type in types),
            after=after or 0,
            before=before,
            is_backward=after is None,
            limit=limit,
        )
        last = max(last, scan.last or 0)
        end = last if before is None or after is None else min(last, before - 1)
        # Where nothing was looked at, the page stands at the number that was asked for, or at the end.
        asked = before or last + 1 if after is None else min(after, last) + 1
        earliest = asked if scan.first is None else scan.first
        latest = earliest - 1 if scan.last is None else scan.last
        return HistoryPage(
            events=scan.events,
            last_seq=last,
            next_before=earliest if earliest > first and not (after is None and scan.first is None) else None,
            next_after=latest if latest < end else None,
        )

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


def _is_about(event: Event, unit: str) -> bool:
    index = index_of(unit)
    return event.node_id == node_of(unit) and (index is None or event.item == index)
