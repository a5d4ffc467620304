"""Client and AsyncClient of Headrace's HTTP API, in parts named as the engine's are.

    with Client("http://localhost:8000") as client:
        run = client.run("trip-planner", {"city": "Lisbon"})
        for event in run.events():
            print(event.seq, event.type, event.node_id)
        print(run.result())

AsyncClient is the same with `async with`, `await` and `async for`. What they return is in `values` and
`records`, what they raise in `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx2

from headrace.calls import Async, Definition, Document, Part, Request, Steps, Sync, Way, get, operation
from headrace.errors import ApiError, ServerUnreachable
from headrace.transport import AsyncWay, Server, SyncWay

if TYPE_CHECKING:
    from headrace.api.access import ApiKeys, Tenants
    from headrace.api.approvals import Approvals
    from headrace.api.definitions import Definitions
    from headrace.api.deliveries import Deliveries
    from headrace.api.executions import Executions
    from headrace.api.inboxes import Inboxes
    from headrace.api.nodes import Nodes
    from headrace.api.operations import DeadLetters, Handlers, Queues, Statistics, Usage, Workers
    from headrace.api.schedules import Schedules
    from headrace.api.signals import Signals
    from headrace.api.webhooks import Webhooks
    from headrace.api.workflows import Workflows
    from headrace.run import AsyncRun, Run

#: How often a request that may be repeated is sent again: no answer came, or the server asks for it.
RETRIES = 2


#: Where each part is; one that is not used is not imported.
_PARTS = {
    "definitions": "definitions.Definitions",
    "workflows": "workflows.Workflows",
    "schedules": "schedules.Schedules",
    "webhooks": "webhooks.Webhooks",
    "executions": "executions.Executions",
    "nodes": "nodes.Nodes",
    "signals": "signals.Signals",
    "inboxes": "inboxes.Inboxes",
    "approvals": "approvals.Approvals",
    "queues": "operations.Queues",
    "workers": "operations.Workers",
    "handlers": "operations.Handlers",
    "deliveries": "deliveries.Deliveries",
    "dead_letters": "operations.DeadLetters",
    "usage": "operations.Usage",
    "statistics": "operations.Statistics",
    "api_keys": "access.ApiKeys",
    "tenants": "access.Tenants",
}


class Parts(Part[Way]):
    """All operations of the API, by the noun they are about."""

    definitions: Definitions[Way]
    workflows: Workflows[Way]
    schedules: Schedules[Way]
    webhooks: Webhooks[Way]
    executions: Executions[Way]
    nodes: Nodes[Way]
    signals: Signals[Way]
    inboxes: Inboxes[Way]
    approvals: Approvals[Way]
    queues: Queues[Way]
    workers: Workers[Way]
    handlers: Handlers[Way]
    deliveries: Deliveries[Way]
    dead_letters: DeadLetters[Way]
    usage: Usage[Way]
    statistics: Statistics[Way]
    api_keys: ApiKeys[Way]
    tenants: Tenants[Way]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in _PARTS:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            module, _, kind = _PARTS[name].partition(".")
            part = self.__dict__[name] = getattr(import_module(f"headrace.api.{module}"), kind)(self._way)
            return part

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_PARTS})

    @operation
    def readiness(self) -> Steps[Document]:
        """The verbose readiness document, of a server that is ready (200) or not (503)."""
        answer = yield Request("GET", "/readyz", query={"verbose": ""}, allow=(503,), is_safe=True)
        return dict(answer.document)

    @operation
    def is_healthy(self) -> Steps[bool]:
        """Whether the API answers. Never raises for a server that is away."""
        try:
            return bool((yield from get("/health")).get("status") == "ok")
        except (ServerUnreachable, ApiError):
            return False


class Client(Parts[Sync]):
    """One connection pool to one server. Use it as a context manager; threads may share it.

    api_key    a key of the tenant, or the operator's; None where the server asks for none.
    timeout_s  how long one request may take.
    retries    how often a request that may be repeated is sent again.
    transport  for tests: httpx2.MockTransport(handler).
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = RETRIES,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._connection = SyncWay(Server(self.base_url, api_key, timeout_s, retries), transport)
        super().__init__(self._connection)

    def run(
        self,
        workflow: Definition,
        inputs: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        trigger: Mapping[str, Any] | None = None,
        key: str | None = None,
        labels: Mapping[str, str] | None = None,
        wait: int | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Start an execution.

        workflow  the name or id of a registered one; or a definition: an object, YAML text of more than one
                  line, or a Workflow.
        version   of a registered one; its newest, unless another is named.
        trigger   a document that templates read as `trigger`.
        key       your own name for the execution, taken wherever an id is.
        wait      seconds, up to 60: return once it has ended, or after them.
        The call is repeated safely under its Idempotency-Key; give your own to repeat it yourself.
        """
        from headrace.run import Run, start

        steps = start(
            workflow,
            inputs,
            version=version,
            trigger=trigger,
            key=key,
            labels=labels,
            wait=wait,
            idempotency_key=idempotency_key,
        )
        return Run(self._connection, self._connection.run(steps))

    def find_run(self, execution_id: str) -> Run:
        """A handle on an execution, by id or key. Sends nothing yet."""
        from headrace.run import Run

        return Run(self._connection, execution_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()


class AsyncClient(Parts[Async]):
    """One connection pool to one server, for coroutines. Use it as an async context manager.

    The arguments are those of Client; transport, for tests: httpx2.ASGITransport(app) or a MockTransport.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = RETRIES,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._connection = AsyncWay(Server(self.base_url, api_key, timeout_s, retries), transport)
        super().__init__(self._connection)

    async def run(
        self,
        workflow: Definition,
        inputs: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        trigger: Mapping[str, Any] | None = None,
        key: str | None = None,
        labels: Mapping[str, str] | None = None,
        wait: int | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncRun:
        """Start an execution; the arguments are those of Client.run."""
        from headrace.run import AsyncRun, start

        steps = start(
            workflow,
            inputs,
            version=version,
            trigger=trigger,
            key=key,
            labels=labels,
            wait=wait,
            idempotency_key=idempotency_key,
        )
        return AsyncRun(self._connection, await self._connection.run(steps))

    def find_run(self, execution_id: str) -> AsyncRun:
        """A handle on an execution, by id or key. Sends nothing yet."""
        from headrace.run import AsyncRun

        return AsyncRun(self._connection, execution_id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()
