"""What the client returns: frozen values with the fields of the HTTP API.

Times are RFC 3339 in UTC. A field that a server has and a value has not is in its `document`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from headrace.errors import ApiError

TERMINAL_STATUSES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
TERMINAL_EVENTS = frozenset({"execution.completed", "execution.failed", "execution.cancelled"})


@dataclass(frozen=True, slots=True)
class Value:
    """One answer, or one item of a list."""

    #: The schema of the API that it has the fields of.
    schema: ClassVar[str]
    #: Fields whose items are values of their own, and fields with another name in the API.
    nested: ClassVar[Mapping[str, type[Value]]] = {}
    renamed: ClassVar[Mapping[str, str]] = {}

    #: The whole answer, with what has no field here.
    document: dict[str, Any] = field(default_factory=dict, repr=False, compare=False, kw_only=True)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """Read an answer. A field that its server does not know has its default, or is None."""
        known: dict[str, Any] = {}
        for each in fields(cls):
            name = cls.renamed.get(each.name, each.name)
            if name not in document:
                if each.default is MISSING and each.default_factory is MISSING:
                    known[each.name] = None
                continue
            value = document[name]
            if each.name in cls.nested:
                value = cls.nested[each.name].all_of(value or ())
            elif isinstance(value, list) and str(each.type).startswith("tuple"):
                value = tuple(value)
            known[each.name] = value
        known["document"] = dict(document)
        return cls(**known)

    @property
    def warnings(self) -> tuple[Mapping[str, Any], ...]:
        """What is likely a mistake in what was sent: path, code, message, and perhaps a hint, of each."""
        return tuple(self.document.get("warnings") or ())

    @classmethod
    def all_of(cls, documents: Iterable[dict[str, Any]]) -> tuple[Self, ...]:
        """Read each of a list."""
        return tuple(map(cls.from_dict, documents))


# --- executions


@dataclass(frozen=True, slots=True)
class Created:
    """An execution that has been created."""

    execution_id: str
    status: str
    #: The server knew this Idempotency-Key already and answered as it did then.
    is_replay: bool = False
    #: Nothing was created: it holds the key that was asked for, and has not ended.
    is_existing: bool = False
    #: As in every `Value`.
    warnings: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], *, is_replay: bool) -> Self:
        is_existing, warnings = document.get("existing", False), tuple(document.get("warnings", ()))
        return cls(document["execution_id"], document["status"], is_replay, is_existing, warnings)


@dataclass(frozen=True, slots=True)
class Rerun(Value):
    """A retry in place, or its preview."""

    schema = "RetryAnswer"

    execution_id: str
    status: str
    #: The generation the execution is in now.
    generation: int
    #: What runs again, in definition order; None when another call had already retried that generation.
    nodes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Forked(Value):
    """A fork, or its preview, which has no id. Every node is in one of the three lists."""

    schema = "ForkAnswer"

    execution_id: str | None
    forked_from: str
    nodes: tuple[str, ...]
    reused: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acted(Value):
    """The state of an execution, or of a node, after a verb."""

    schema = "VerbAnswer"

    execution_id: str
    status: str
    #: Nothing was left to do.
    already: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of an execution's history. A `gap` stands for trimmed entries and has the seq read last."""

    seq: int
    type: str
    execution_id: str
    node_id: str | None
    attempt: int | None
    #: RFC 3339, UTC, milliseconds.
    ts: str
    data: Mapping[str, Any]
    #: Of a mapped node, the index of the item it is about.
    item: int | None = None

    @property
    def unit(self) -> str:
        """The node, or the item of one: `ask[3]`."""
        index = "" if self.item is None else f"[{self.item}]"
        return f"{self.node_id or ''}{index}"

    @classmethod
    def from_json(cls, text: str, *, default_seq: int) -> Self:
        """Read a frame of a stream. Raises ApiError for one that is no event."""
        return cls.from_dict(json.loads(text), default_seq=default_seq)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], *, default_seq: int = 0) -> Self:
        """Read an event as the server has it. Raises ApiError for what is none."""
        for name in ("type", "execution_id"):
            if name not in document:
                found = json.dumps(document, ensure_ascii=False, default=repr)[:200]
                raise ApiError(200, {"detail": f"expected an event with the field {name!r}, found {found!r}"})
        return cls(
            seq=document.get("seq", default_seq),
            type=document["type"],
            execution_id=document["execution_id"],
            node_id=document.get("node_id"),
            attempt=document.get("attempt"),
            ts=document.get("ts", ""),
            data=document.get("data") or {},
            item=document.get("item"),
        )

    @property
    def is_terminal(self) -> bool:
        """Whether it ends its execution."""
        return self.type in TERMINAL_EVENTS


@dataclass(frozen=True, slots=True)
class Node(Value):
    """One node as the server sees it."""

    schema = "NodeView"
    renamed = {"try_number": "try"}

    node_id: str
    status: str
    handler: str = ""
    dependencies: tuple[str, ...] = ()
    reason: str | None = None
    waiting_on: str | None = None
    #: The fence: incremented each time the node is queued.
    attempt: int = 0
    #: What people call "try 2 of 3".
    try_number: int = 0
    max_attempts: int = 1
    queued_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    due_at: str | None = None
    worker: str | None = None
    #: {type, message, retryable, details, attempt, worker}.
    error: Mapping[str, Any] | None = None
    #: It ended in the execution this one is forked from.
    reused: bool = False
    #: The execution it has started.
    child: str | None = None
    output: Any = None
    #: Of a mapped node: how many items there are (total), completed, failed, …
    items: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Item(Value):
    """One item of a mapped node."""

    schema = "ItemView"
    renamed = {"try_number": "try"}

    index: int
    status: str
    reason: str | None = None
    waiting_on: str | None = None
    attempt: int = 0
    try_number: int = 0
    queued_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    due_at: str | None = None
    worker: str | None = None
    error: Mapping[str, Any] | None = None
    child: str | None = None
    value: Any = None
    output: Any = None


@dataclass(frozen=True, slots=True)
class Attempt(Value):
    """One attempt of a node; outcome: completed, failed, retrying, lost, drained, cancelled, waiting, …"""

    schema = "AttemptView"
    renamed = {"try_number": "try"}

    attempt: int
    outcome: str
    try_number: int | None = None
    cause: str | None = None
    queued_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    worker: str | None = None
    error: Mapping[str, Any] | None = None
    next_try_at: str | None = None
    log_lines: int = 0
    #: The last ones: {seq, ts, level, message, data}.
    logs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation(Value):
    """What a node waits for, and what wakes it; node_id is None for the execution itself."""

    schema = "ExplanationView"

    node_id: str | None
    status: str
    waiting_for: str = ""
    until: str | None = None
    wakes: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Execution(Value):
    """One execution; `nodes` in definition order, empty in lists."""

    schema = "api__schemas__executions__ExecutionDetail"
    nested = {"nodes": Node}

    execution_id: str
    name: str
    status: str
    version: str = ""
    reason: str | None = None
    cancelling: str | None = None
    error: Mapping[str, Any] | None = None
    created_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    generation: int = 1
    replay_of: str | None = None
    forked_from: str | None = None
    workflow_id: str | None = None
    workflow_version: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    execution_key: str | None = None
    inputs: Mapping[str, Any] | None = None
    trigger: Mapping[str, Any] | None = None
    output: Any = None
    output_error: Mapping[str, Any] | None = None
    #: Nodes that others did not run because of: {node_id, error, attempt, ended_at, kept}, oldest first.
    root_causes: tuple[Mapping[str, Any], ...] = ()
    nodes: tuple[Node, ...] = field(default=(), repr=False)

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL_STATUSES

    def took_s(self, now: datetime | None = None) -> float | None:
        """Seconds from its start to its end, or to now; None before its start."""
        return seconds_between(self.started_at, self.ended_at, now)


def seconds_between(began: str | None, ended: str | None, now: datetime | None = None) -> float | None:
    """Seconds between two moments (RFC 3339), the second of which may still be to come."""
    if began is None:
        return None
    last = now or datetime.now(UTC) if ended is None else datetime.fromisoformat(ended)
    return max((last - datetime.fromisoformat(began)).total_seconds(), 0.0)
