"""What happens beside the client: schedules start executions, webhooks and messages are delivered."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from orchestrator.errors import HeadraceError
from tests.chaos.clocks import Clocks, clock_plans
from tests.chaos.history import Clock, Sending
from tests.chaos.receiver import Receiver
from tests.chaos.senders import Senders, hook_plans
from tests.chaos.tenancy import register
from tests.chaos.workload import work
from tests.dags import workflow

if TYPE_CHECKING:
    from tests.chaos.client import Client

#: Rows of a page; while strikes go on, only until nothing on a page is new.
PAGE = 50


class Outside:
    """Schedules, senders and the receiver of one run."""

    def __init__(self, client: Client, url: str, receiver: Receiver, seed: int) -> None:
        self._client = client
        self._dice = Random(seed)
        self.receiver = receiver
        self._clock_plans = clock_plans(self._dice)
        self._hook_plans = hook_plans(self._dice, url)
        self.clocks = Clocks(client, self._clock_plans)
        self.senders = Senders(client, self._hook_plans, self._dice)
        self.stopped: tuple[Clock, ...] = ()
        #: What is started beside the client: (tenant, id of the workflow, its document).
        self._started: list[tuple[str, str, dict[str, Any]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Register everything, and let it begin."""
        receipt = workflow(work("note", self._dice), name="receipt")
        receipt_id = await register(self._client, "default", "receipt", receipt)
        await self.clocks.start()
        await self.senders.start()
        ids = {**self.clocks.workflow_ids, **self.senders.workflow_ids}
        self._started = [("default", receipt_id, receipt)]
        self._started += [(plan.tenant, ids[plan.name], plan.document) for plan in self._clock_plans]
        self._started += [(plan.tenant, ids[plan.name], plan.document) for plan in self._hook_plans]
        self._sending = asyncio.create_task(self.senders.send_on())

    async def adopt(self, *, all_of_them: bool = False) -> None:
        """Get to know what was started beside the client, the newest first."""
        for tenant, workflow_id, document in self._started:
            with suppress(HeadraceError, RedisError, OSError):
                await self._adopt(tenant, workflow_id, document, all_of_them=all_of_them)

    async def _adopt(
        self, tenant: str, workflow_id: str, document: dict[str, Any], *, all_of_them: bool
    ) -> None:
        executions, cursor = self._client.engine.of(tenant).executions, None
        while True:
            page = await executions.list(limit=PAGE, cursor=cursor, workflow_id=workflow_id)
            known = self._client.known()
            fresh = [row.execution_id for row in page.items if row.execution_id not in known]
            for execution_id in fresh:
                self._client.accept(execution_id, tenant, document)
            cursor = page.next_cursor
            if cursor is None or not (fresh or all_of_them):
                return

    async def stop(self) -> None:
        """Deliver no more, and pause all schedules once they have dealt with what is due."""
        self.senders.is_over = True
        if self._sending is not None:
            await self._sending
        self.stopped = await self.clocks.stop()

    async def goes_on(self) -> bool:
        """Say whether messages are still to be sent, or executions to be purged by their retention."""
        client = self._client
        if await client.redis.zcard("workflows:deliveries_due"):
            return True
        return any([await client.redis.exists(f"workflow:{each}:status") for each in client.fleeting])

    async def sendings(self) -> tuple[Sending, ...]:
        """Read the log of deliveries about what is still there."""
        found: list[Sending] = []
        for tenant in self._client.tenants:
            deliveries, cursor = self._client.engine.of(tenant).deliveries, None
            while True:
                page = await deliveries.list(limit=200, cursor=cursor)
                found += [
                    Sending(
                        each.execution_id,
                        each.generation,
                        each.target.workflow is not None,
                        str(each.state),
                        tuple(attempt.number for attempt in each.attempts),
                    )
                    for each in page.items
                ]
                cursor = page.next_cursor
                if cursor is None:
                    break
        return tuple(found)
