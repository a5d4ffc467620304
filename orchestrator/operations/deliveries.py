"""`engine.deliveries`: the messages about ends of executions: list them, read one, send one again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from orchestrator.errors import DeliveryNotFound
from orchestrator.execution.deliveries import Delivery, DeliveryState
from orchestrator.operations.cursors import read_position
from orchestrator.operations.owner import Owner
from orchestrator.operations.pages import BATCH, page_of, place_text
from orchestrator.operations.results import Page
from orchestrator.store.reader import Store
from orchestrator.store.requests import digest_of
from orchestrator.store.transitions import Transitions


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

        def is_wanted(delivery: Delivery) -> bool:
            return state is None or delivery.state is state

        if execution_id is not None:
            execution_id = await self._owner.execution(execution_id)
            return await self._of_execution(execution_id, limit=limit, cursor=cursor, is_wanted=is_wanted)
        return await page_of(
            partial(self._store.deliveries.list_ids, self._owner.tenant),
            self._store.deliveries.read,
            limit=limit,
            cursor=cursor,
            place_of=_place,
            is_wanted=is_wanted,
        )

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

    async def _of_execution(
        self, execution_id: str, *, limit: int, cursor: str | None, is_wanted: Callable[[Delivery], bool]
    ) -> Page:
        position = read_position(cursor)
        ids = await self._store.deliveries.of_execution(execution_id)
        if position is not None and position[1] in ids:
            ids = ids[ids.index(position[1]) + 1 :]
        items: list[Delivery] = []
        for first in range(0, len(ids), BATCH):
            for delivery in await self._store.deliveries.read(ids[first : first + BATCH]):
                if delivery is not None and is_wanted(delivery):
                    if len(items) == limit:
                        return Page(items, place_text(_place(items[-1])))
                    items.append(delivery)
        return Page(items, None)


def _place(delivery: Delivery) -> tuple[int, str]:
    return delivery.ended_ms, delivery.delivery_id
