"""What a handler sees: its attempt, and the tools that all attempts of the worker share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from headrace.context import LOG_LEVELS, Context, LogLevel, share_of
from headrace.durable import TypedEvent
from headrace.outcome import Cancelled, Terminal, use_of_no_durable
from orchestrator.definitions.interface import Interface
from orchestrator.redis_keys import DEFAULT_TENANT
from workers.journals import InboxAccess, JournalAccess
from workers.meters import Meter, NullMeter
from workers.reports import EventWriter, NullWriter, Written, event_of, plain, short, whole

if TYPE_CHECKING:
    from clients.containers.docker import ContainerEngine
    from clients.containers.spec import ContainerSettings
    from clients.http.client import GuardedHttpClient, HttpPolicy
    from clients.llm.provider import LlmProvider, LlmSettings
    from clients.notify.smtp import SmtpSettings
    from orchestrator.operations.children import ChildHandle

T = TypeVar("T")

#: Events of streamed text: a piece of it, and the withdrawal of all pieces so far.
TOKEN, RESET = "node.token", "stream.reset"
#: A typed event.
EVENT = "node.event"
#: Heartbeats with details shown in the history: one in so long.
SHOWN_EVERY_S = 1.0
#: What a sink gets for the attempt after this one, rather than for the history: {"details": …}.
HEARTBEAT = "heartbeat"


class EventSink(Protocol):
    """Takes what an attempt reports while it runs."""

    def emit(self, type: str, data: dict[str, Any]) -> None:
        """Accept one event: `node.log`, `node.progress`, `node.token`, `stream.reset`, `node.event`; or
        HEARTBEAT.

        Never blocks.
        """


class NullSink:
    """Accepts everything and keeps nothing; for handlers run outside a worker."""

    def emit(self, type: str, data: dict[str, Any]) -> None:
        return None


@dataclass(slots=True)
class Toolbox:
    """What all attempts of one worker process share, of one tenant. Built by the worker, closed by it.

    The clients are made at first use, since a worker that never meets an `llm` node should not pay for its
    SDK.
    """

    environment: Literal["development", "production"] = "development"
    #: Logical service name -> base URL, for `call_external_service`.
    services: Mapping[str, str] = field(default_factory=dict)
    http_policy: HttpPolicy | None = None
    llm_settings: LlmSettings | None = None
    #: None: there is no mail server.
    smtp: SmtpSettings | None = None
    #: Name -> secret or secrets, parted by blanks, to sign webhooks with.
    webhook_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Name -> URL for notifications, so that what is secret in a URL stays out of definitions.
    notify_urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    container_settings: ContainerSettings | None = None
    #: Name -> value, for `secrets.NAME` in templates.
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: What tenants other than `default` have, by tenant, and what those have that are not in it.
    tenants: Mapping[str, Toolbox] = field(default_factory=dict)
    others: Toolbox | None = None
    #: Whose language model provider this one uses; None: its own.
    shared: Toolbox | None = field(default=None, repr=False, compare=False)
    _http: GuardedHttpClient | None = None
    _llm: LlmProvider | None = None
    _containers: ContainerEngine | None = None

    def of(self, tenant: str) -> Toolbox:
        """Give what a tenant's attempts may use. This is what `default` has.

        The language model provider and the mail server are everybody's.
        """
        if tenant == DEFAULT_TENANT:
            return self
        tools = self.tenants.get(tenant) or self.others
        if tools is None:
            tools = self.others = Toolbox(
                environment=self.environment, llm_settings=self.llm_settings, smtp=self.smtp
            )
        tools.shared = self
        return tools

    def names(self) -> dict[str, dict[str, list[str]]]:
        """What the settings name, by tenant and kind; see `orchestrator.execution.inventory.Configured`."""
        tenants = {DEFAULT_TENANT: self, **self.tenants}
        return {
            tenant: {
                "secrets": sorted(tools.secrets),
                "webhook_secrets": sorted(tools.webhook_secrets),
                "notify_urls": sorted(tools.notify_urls),
            }
            for tenant, tools in tenants.items()
        }

    def secrets_of_all(self) -> dict[str, Collection[str]]:
        """The values of all secrets, by tenant."""
        tenants = {DEFAULT_TENANT: self, **self.tenants}
        return {tenant: tools.secrets.values() for tenant, tools in tenants.items()}

    @property
    def http(self) -> GuardedHttpClient:
        """The guarded HTTP client; the only way a handler should reach the network."""
        if self._http is None:
            from clients.http.client import GuardedHttpClient, HttpPolicy

            policy = self.http_policy or HttpPolicy.for_environment(self.environment, services=self.services)
            self._http = GuardedHttpClient(policy)
        return self._http

    @property
    def llm(self) -> LlmProvider:
        """The language model provider the settings choose. Raises clients.llm.provider.LlmError."""
        if self.shared is not None:
            return self.shared.llm
        if self._llm is None:
            from clients.llm.factory import make_provider
            from clients.llm.provider import LlmSettings

            self._llm = make_provider(self.llm_settings or LlmSettings(environment=self.environment))
        return self._llm

    @property
    def containers(self) -> ContainerEngine:
        """The runner of containers on the container engine of this worker."""
        if self._containers is None:
            from clients.containers.docker import ContainerEngine
            from clients.containers.spec import ContainerSettings

            any_or_none = None if self.environment == "development" else ()
            settings = self.container_settings or ContainerSettings(images=any_or_none, networks=any_or_none)
            self._containers = ContainerEngine(settings)
        return self._containers

    async def aclose(self) -> None:
        """Close what was opened, for all tenants. Safe to call twice."""
        for tools in (*self.tenants.values(), *filter(None, [self.others])):
            await tools.aclose()
        http, llm, containers = self._http, self._llm, self._containers
        self._http = self._llm = self._containers = None
        if containers is not None:
            await containers.aclose()
        if http is not None:
            await http.aclose()
        if llm is not None:
            await llm.aclose()


class StopSignal(asyncio.Event):
    """Set when the work of an attempt is no longer wanted; who listens learns of it at once.

    cause  "cancel", "lost", "drain" or "time_limit"; "" while it is not set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cause = ""
        self._listeners: list[Callable[[str], None]] = []

    def stop(self, cause: str) -> None:
        """Set it; the first cause is kept, but for one that is stronger than a request to cancel."""
        if self.cause in ("", "cancel"):
            self.cause = cause
        self.set()
        for listener in tuple(self._listeners):
            listener(cause)

    def on_set(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call a listener with the cause, at once if it is set; give what ends that."""
        self._listeners.append(listener)
        if self.is_set():
            listener(self.cause)
        return lambda: self._listeners.remove(listener)


@dataclass(slots=True, kw_only=True)
class HandlerContext(Context):
    """The context of an attempt in a worker, with what only the engine's own handlers use.

    All of it is used in the event loop.

    resume            what the node waited for, when it runs again to use it; None otherwise.
    outputs           of the nodes it reads without naming them, by id; only the handler `output` does.
    has_retry_policy  whether the node itself asks for retries, rather than its handler's default.
    """

    execution_id: str
    node_id: str
    attempt: int = 1
    try_number: int = 1
    worker_id: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    now_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    has_retry_policy: bool = False
    resume: Any = None
    last_heartbeat: Any = None
    #: Access to the child execution of a `sub_workflow` node; None for every other one.
    child: ChildHandle | None = None
    sink: EventSink = field(default_factory=NullSink)
    events: EventWriter = field(default_factory=NullWriter)
    #: What the definition declares of its events; None where it declares nothing.
    interface: Interface | None = None
    tools: Toolbox = field(default_factory=Toolbox)
    #: None: the handler is not durable.
    own_journal: JournalAccess | None = None
    own_inbox: InboxAccess | None = None
    #: Budgets and accounts of calls to paid services.
    meter: Meter = field(default_factory=NullMeter)
    #: Set by the worker when the execution is cancelled or the lease is lost; async handlers may wait for it.
    cancelled: StopSignal = field(default_factory=StopSignal)
    #: Monotonic seconds of the last sign of life; written by heartbeat, log and progress.
    last_beat_s: float = field(default_factory=time.monotonic)
    #: Details of the newest heartbeat of this attempt.
    beat_details: dict[str, Any] | None = None
    _shown_s: float = float("-inf")

    @property
    def idempotency_key(self) -> str:
        return f"{self.execution_id}:{self.node_id}"

    @property
    def environment(self) -> str:
        return self.tools.environment

    @property
    def services(self) -> Mapping[str, str]:
        return self.tools.services

    # Built-in handlers have the clients themselves: every call is a coroutine, and names its attempt.

    @property
    def http(self) -> GuardedHttpClient:  # type: ignore[override]
        return self.tools.http

    @property
    def llm(self) -> LlmProvider:  # type: ignore[override]
        return self.tools.llm

    @property
    def containers(self) -> ContainerEngine:  # type: ignore[override]
        return self.tools.containers

    @property
    def journal(self) -> JournalAccess:  # type: ignore[override]
        return self._durable(self.own_journal, "journal")

    @property
    def inbox(self) -> InboxAccess:  # type: ignore[override]
        return self._durable(self.own_inbox, "inbox")

    def _durable(self, part: T | None, name: str) -> T:
        if part is None:
            raise use_of_no_durable(name)
        return part

    def log(self, message: str, level: LogLevel = "info", **data: Any) -> None:
        self.last_beat_s = time.monotonic()
        shown = level if level in LOG_LEVELS else "info"
        self.sink.emit("node.log", {"level": shown, "message": short(message), "data": plain(data)})

    def progress(self, fraction: float | None, message: str | None = None, **data: Any) -> None:
        self.last_beat_s = time.monotonic()
        share = share_of(fraction)
        text = None if message is None else short(message)
        self.sink.emit("node.progress", {"fraction": share, "message": text, "data": plain(data)})

    def token(self, text: str) -> None:
        self.last_beat_s = time.monotonic()
        if text:
            self.sink.emit(TOKEN, {"text": text})

    def reset_stream(self, reason: str) -> None:
        self.sink.emit(RESET, {"reason": short(reason)})

    def emit(
        self,
        type: str,
        value: Any,
        parents: Sequence[str] = (),
        internal: bool = False,
        repeated: bool = False,
        qualified_name: str | None = None,
    ) -> Written:
        self.last_beat_s = time.monotonic()
        found = TypedEvent(type, value, parents, internal, repeated, qualified_name)
        return self.events.write(event_of(found, self.interface))

    def emit_all(self, events: Sequence[TypedEvent]) -> None:
        """Emit the events of an end, or none of them. Raises Terminal with the place of one that is none."""
        checked: list[dict[str, Any]] = []
        for index, event in enumerate(events):
            try:
                checked.append(event_of(event, self.interface))
            except Terminal as fault:
                message = f"events[{index}]: {fault}"
                raise Terminal(message, type=fault.error_type, details=fault.details) from fault
        for each in checked:
            self.events.write(each)

    def heartbeat(self, details: Mapping[str, Any] | None = None) -> None:
        self.last_beat_s = time.monotonic()
        if details is None:
            return
        self.beat_details = whole(details)
        self.sink.emit(HEARTBEAT, {"details": self.beat_details})
        if self.last_beat_s - self._shown_s >= SHOWN_EVERY_S:
            self._shown_s = self.last_beat_s
            self.sink.emit("node.progress", {"fraction": None, "message": None, "data": self.beat_details})

    def is_cancelled(self) -> bool:
        return self.cancelled.is_set()

    def raise_if_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled
