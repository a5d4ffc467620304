"""`engine.deliveries`: the messages about ends of executions: list them, read one, send one again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from orchestrator.errors import DeliveryNotFound
from orchestrator.execution.deliveries import Delivery, DeliveryState
from orchestrator.operations.cursors import read_position
from orchestrator.operations.owner import Owner
from orchestrator.operations.results import Page
from orchestrator.store.reader import Store
from orchestrator.store.requests import digest_of
from orchestrator.store.transitions import Transitions

#: Rows read at a time, and at most for one page, when a filter is narrow.
BATCH, MOST_ROWS = 200, 5_000


class Deliveries:
    """The deliveries of one tenant, by id."""

    def __init__(self, store: Store, transitions: Transitions, owner: Owner) -> None:
        self._store = store
        self._transitions = transitions
        self._owner = owner

    async def list(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        execution_id: str | None = None,
        state: DeliveryState | None = None,
    ) -> Page:
        """List deliveries, those of the newest ends first. The cursor names the last row given: `MS.ID`.

        execution_id  only those about its ends; its key will do. Raises ExecutionNotFound, CursorInvalid.
        """
        position = read_position(cursor)
        if execution_id is None:
            batches = self._batches(position)
        else:
            batches = self._batches_of(await self._owner.execution(execution_id), position)
        items: list[Delivery] = []
        seen = 0
        async for found in batches:
            for delivery in found:
                if state is None or delivery.state is state:
                    if len(items) == limit:
                        return Page(items, _place(items[-1]))
                    items.append(delivery)
            seen += len(found)
            if seen >= MOST_ROWS:
                return Page(items, _place(found[-1]))
        return Page(items, None)

    async def get(self, delivery_id: str) -> Delivery:
        """Read one with its last attempts. Raises DeliveryNotFound, for those of others too."""
        (found,) = await self._store.deliveries.read([delivery_id])
        if found is None or found.tenant != self._owner.tenant:
            raise DeliveryNotFound(delivery_id)
        return found

    async def resend(self, delivery_id: str, *, request_id: str) -> Delivery:
        """Make one due now, whatever became of it, with the same message id; its rhythm begins again.

        The same request again changes nothing. Raises DeliveryNotFound.
        """
        word = await self._transitions.resend_delivery(
            delivery_id, tenant=self._owner.tenant, call_id=digest_of(request_id)
        )
        if word == "unknown":
            raise DeliveryNotFound(delivery_id)
        return await self.get(delivery_id)

    async def _batches(self, position: tuple[int, str] | None) -> AsyncIterator[Sequence[Delivery]]:
        """Read the log of the tenant from a place on."""
        newest, after_id = ("+inf", "") if position is None else (str(position[0]), position[1])
        offset = 0
        while True:
            rows = await self._store.deliveries.rows(
                self._owner.tenant, newest_ms=newest, offset=offset, count=BATCH
            )
            # Those of one millisecond are in descending order of id: up to the cursor's own they were given.
            fresh = [row[0] for row in rows if not after_id or row[1] < int(newest) or row[0] < after_id]
            if found := await self._read(fresh):
                yield found
            if len(rows) < BATCH:
                return
            offset += BATCH

    async def _batches_of(
        self, execution_id: str, position: tuple[int, str] | None
    ) -> AsyncIterator[Sequence[Delivery]]:
        """Read those of one execution, from a place on."""
        ids = await self._store.deliveries.of_execution(execution_id)
        if position is not None and position[1] in ids:
            ids = ids[ids.index(position[1]) + 1 :]
        for first in range(0, len(ids), BATCH):
            if found := await self._read(ids[first : first + BATCH]):
                yield found

    async def _read(self, ids: Sequence[str]) -> Sequence[Delivery]:
        return [each for each in await self._store.deliveries.read(ids) if each is not None]


def _place(delivery: Delivery) -> str:
    return f"{delivery.ended_ms}.{delivery.delivery_id}"
