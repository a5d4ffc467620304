"""What exists beside executions, as values: workers, queues, dead letters, findings about Redis. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

#: A worker that has not been heard of for this long is not alive.
WORKER_ALIVE_MS = 20_000


@dataclass(frozen=True, slots=True)
class Configured:
    """Names that the settings of workers give a tenant: of secrets, and of those and URLs for messages."""

    secrets: frozenset[str] = frozenset()
    webhook_secrets: frozenset[str] = frozenset()
    notify_urls: frozenset[str] = frozenset()

    def __or__(self, other: Configured) -> Configured:
        """Give the names of either."""
        return Configured(
            self.secrets | other.secrets,
            self.webhook_secrets | other.webhook_secrets,
            self.notify_urls | other.notify_urls,
        )


@dataclass(frozen=True, slots=True)
class Announced:
    """What live workers offer: names of handlers, and the texts of the cards of those they have loaded.

    refused_by  names of workers that cannot load the handlers of the installation.
    configured  what their settings name, by tenant; None where one of them does not say, or there is none.
    """

    names: frozenset[str] = frozenset()
    cards: tuple[bytes, ...] = ()
    refused_by: tuple[str, ...] = ()
    configured: Mapping[str, Configured] | None = field(default=None, compare=False)

    @classmethod
    def by(cls, workers: Sequence[WorkerInfo], cards: tuple[bytes, ...]) -> Announced:
        """Join what live workers say of themselves. cards: the texts of those that they name."""
        names = frozenset(name for worker in workers for name in worker.named_handlers)
        refused_by = tuple(sorted(worker.name for worker in workers if worker.refusal))
        return cls(names, cards, refused_by, configured_by([each.configured for each in workers]))


def configured_by(found: Sequence[Mapping[str, Configured] | None]) -> Mapping[str, Configured] | None:
    """Join what the settings of workers name: what one of them has counts."""
    joined: dict[str, Configured] = {}
    for each in found:
        if each is None:
            return None
        for tenant, names in each.items():
            joined[tenant] = joined.get(tenant, Configured()) | names
    return joined if found else None


@dataclass(frozen=True, slots=True)
class HostInfo:
    """One process in which a worker runs handlers of the installation.

    kind     sync or async; None until it has loaded them.
    state    starting, idle, busy or draining.
    runs     attempts that have ended in it.
    running  `execution/node` and since when, Unix ms; at most twenty.
    """

    kind: str | None
    pid: int
    state: str
    runs: int
    rss_mb: int
    running: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker process as it last announced itself."""

    worker_id: str
    name: str
    host: str
    pid: int
    handlers: frozenset[str]
    queues: tuple[str, ...]
    slots: int
    running: int
    started_ms: int
    #: Last sign of life.
    beat_ms: int
    #: Attempts that are over and whose code still runs, in the worker or in a host.
    blocked: int = 0
    #: Whose they are, `execution/node`; the longest-running first, at most twenty.
    blocked_by: tuple[str, ...] = ()
    #: Digest of the cards of the handlers it has loaded; "" where it has loaded none.
    cards: str = ""
    hosts: tuple[HostInfo, ...] = ()
    #: Why the handlers of the installation are not loaded, with the traceback; "" where they are.
    refusal: str = ""
    #: Workflows that its handlers bring, by name: why each is not registered, "" where it is.
    workflows: Mapping[str, str] = field(default_factory=dict)
    #: What its settings name, by tenant; None where it does not say.
    configured: Mapping[str, Configured] | None = None
    #: By which the stack that has started it tells it from others; "" where none has.
    instance: str = ""

    @property
    def named_handlers(self) -> frozenset[str]:
        """Handlers that definitions may name; what begins with $ is the engine's own."""
        return frozenset(name for name in self.handlers if not name.startswith("$"))

    def offers(self, handler: str, queue: str) -> bool:
        """Say whether this worker reads the queue and has the handler."""
        return handler in self.handlers and queue in self.queues


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """One task stream. length counts waiting and running tasks, pending those delivered to a worker.

    consumers  live workers that read it: one that has died is in the group for a while, and reads nothing.
    """

    queue: str
    length: int
    pending: int
    oldest_ms: int | None
    consumers: int


@dataclass(frozen=True, slots=True)
class DeadEntry:
    """A node that failed for good: it lost its worker too often, or used up its tries.

    name  of the definition; "" until it is looked up.
    """

    entry_id: str
    execution_id: str
    node_id: str
    reason: str
    error: dict[str, Any]
    attempt: int
    ts_ms: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding about the Redis in use. An error keeps processes from starting; a warning is logged."""

    name: str
    level: Literal["ok", "warning", "error"]
    detail: str
