"""Typed client of Headrace's own HTTP API, in parts named as the engine's are.

    async with Client("http://localhost:8000") as client:
        created = await client.executions.run(definition, inputs={"url": "…"})
        async for event in client.executions.events(created.execution_id):
            print(event.seq, event.type, event.node_id)
        results = await client.executions.results(created.execution_id)

What it returns is in `views`, what it raises in `errors`.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx2

from clients.headrace.access import ApiKeys, Tenants
from clients.headrace.approvals import Approvals
from clients.headrace.definitions import Definitions
from clients.headrace.deliveries import Deliveries
from clients.headrace.errors import ApiError, ServerUnreachable
from clients.headrace.executions import Executions
from clients.headrace.nodes import Nodes
from clients.headrace.operations import DeadLetters, Handlers, Queues, Statistics, Usage, Workers
from clients.headrace.schedules import Schedules
from clients.headrace.signals import Signals
from clients.headrace.transport import Document, Transport, document_of
from clients.headrace.webhooks import Webhooks
from clients.headrace.workflows import Workflows


class Client:
    """One connection pool to one server. Use it as an async context manager.

    api_key    a key of the tenant, or the operator's; None where the server asks for none.
    transport  for tests: httpx2.ASGITransport(app) or httpx2.MockTransport(handler).
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._transport = Transport(base_url, timeout_s=timeout_s, api_key=api_key, transport=transport)
        self.base_url = self._transport.base_url
        self.definitions = Definitions(self._transport)
        self.workflows = Workflows(self._transport)
        self.schedules = Schedules(self._transport)
        self.webhooks = Webhooks(self._transport)
        self.executions = Executions(self._transport)
        self.nodes = Nodes(self._transport)
        self.signals = Signals(self._transport)
        self.approvals = Approvals(self._transport)
        self.queues = Queues(self._transport)
        self.workers = Workers(self._transport)
        self.handlers = Handlers(self._transport)
        self.deliveries = Deliveries(self._transport)
        self.dead_letters = DeadLetters(self._transport)
        self.usage = Usage(self._transport)
        self.statistics = Statistics(self._transport)
        self.api_keys = ApiKeys(self._transport)
        self.tenants = Tenants(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def readiness(self) -> Document:
        """The verbose readiness document, of a server that is ready (200) or not (503)."""
        return document_of(await self._transport.send("GET", "/readyz", query={"verbose": ""}, allow=(503,)))

    async def is_healthy(self) -> bool:
        """Whether the API answers. Never raises for a server that is away."""
        try:
            return (await self._transport.get("/health")).get("status") == "ok"
        except (ServerUnreachable, ApiError, ValueError):
            return False
