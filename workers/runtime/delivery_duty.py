"""A worker's part in sending messages about ends of executions, beside its attempts."""

from __future__ import annotations

import asyncio
import logging

from headrace.backoff import Backoff
from orchestrator.documents.limits import Limits
from orchestrator.loops.webhooks import Webhooks
from orchestrator.operations.chained_starts import ChainedStarts
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions
from workers.context import Toolbox
from workers.handlers import Catalogue
from workers.runtime.webhook_channel import WebhookChannel

log = logging.getLogger("headrace.webhooks")

#: How often a worker looks for what is due; not all workers at once.
LOOK_EVERY = Backoff(first_s=1.0, most_s=1.0, jitter=(0.5, 1.0))


class DeliveryDuty:
    """Looks for due deliveries about once a second, and sends them in the background.

    Workers do this, rather than orchestrators, because they are the processes that run what tenants choose:
    they have the guarded network, and what each tenant's settings allow.
    """

    def __init__(
        self, store: Store, transitions: Transitions, *, tools: Toolbox, limits: Limits, is_on: bool = True
    ) -> None:
        """is_on: False sends nothing."""
        self._store = store
        self._is_on = is_on
        self.webhooks = Webhooks(
            store,
            transitions,
            webhook=WebhookChannel(tools),
            workflow=ChainedStarts(store, transitions, catalogue=Catalogue, limits=limits),
        )
        self._draining = asyncio.Event()

    @property
    def is_draining(self) -> bool:
        """Whether nothing more is begun."""
        return self._draining.is_set()

    async def run(self) -> None:
        """Send until it is cancelled; after `drain` nothing more is begun."""
        while True:
            await asyncio.sleep(LOOK_EVERY.pause_s(0))
            if not self._is_on or self.is_draining:
                continue
            try:
                await self.webhooks.run_once(await self._store.now_ms())
            except Exception as error:
                log.warning("webhook.duty_failed", extra={"error": str(error)})

    async def drain(self, patience_s: float) -> None:
        """Begin nothing more, and wait for what is under way; what is not over then is sent again later."""
        self._draining.set()
        self.webhooks.let_go()
        try:
            async with asyncio.timeout(patience_s):
                await self.webhooks.idle()
        except TimeoutError:
            log.warning("webhook.not_over")
