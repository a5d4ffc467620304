"""What the client returns: frozen values with the fields of the HTTP API; unknown fields are ignored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

TERMINAL_STATUSES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
TERMINAL_EVENTS = frozenset({"execution.completed", "execution.failed", "execution.cancelled"})


@dataclass(frozen=True, slots=True)
class Created:
    """An execution that has been created."""

    execution_id: str
    status: str
    #: The server knew this Idempotency-Key already and answered as it did then.
    is_replay: bool = False
    #: Nothing was created: it holds the key that was asked for, and has not ended.
    is_existing: bool = False

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], *, is_replay: bool) -> Self:
        is_existing = document.get("existing", False)
        return cls(document["execution_id"], document["status"], is_replay, is_existing)


@dataclass(frozen=True, slots=True)
class Rerun:
    """A retry in place, or its preview."""

    execution_id: str
    status: str
    #: The generation the execution is in now.
    generation: int
    #: What runs again, in definition order; None when another call had already retried that generation.
    nodes: tuple[str, ...] | None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        nodes = document["nodes"]
        names = None if nodes is None else tuple(nodes)
        return cls(document["execution_id"], document["status"], document["generation"], names)


@dataclass(frozen=True, slots=True)
class Forked:
    """A fork, or its preview, which has no id. Every node is in one of the three lists."""

    execution_id: str | None
    forked_from: str
    nodes: tuple[str, ...]
    reused: tuple[str, ...]
    skipped: tuple[str, ...]

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        lists = (tuple(document[name]) for name in ("nodes", "reused", "skipped"))
        return cls(document["execution_id"], document["forked_from"], *lists)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Errors and warnings of a definition.

    Entries have path, code and message, and hint, line and column where known; summary: name, version, nodes,
    edges, depth.
    """

    errors: tuple[dict[str, Any], ...]
    warnings: tuple[dict[str, Any], ...]
    summary: dict[str, Any] | None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(tuple(document["errors"]), tuple(document["warnings"]), document["summary"])


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
        document = json.loads(text)
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
        return self.type in TERMINAL_EVENTS


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node as the server sees it. Times are RFC 3339."""

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
    started_at: str | None = None
    ended_at: str | None = None
    due_at: str | None = None
    worker: str | None = None
    error: Mapping[str, Any] | None = None
    #: It ended in the execution this one is forked from.
    reused: bool = False
    output: Any = None
    #: Of a mapped node: how many items there are (total), completed, failed, …
    items: Mapping[str, int] | None = None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        known = {name: document[name] for name in cls.__slots__ if name in document}
        known["dependencies"] = tuple(document.get("dependencies") or ())
        known["try_number"] = document.get("try", 0)
        return cls(**known)


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One execution; `nodes` in definition order, empty in lists."""

    execution_id: str
    name: str
    status: str
    version: str = ""
    reason: str | None = None
    cancelling: str | None = None
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
    nodes: tuple[NodeView, ...] = field(default=(), repr=False)
    #: The whole document, with what has no field here.
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        known = {name: document[name] for name in cls.__slots__ if name in document}
        known["nodes"] = tuple(NodeView.from_dict(node) for node in document.get("nodes") or ())
        known["document"] = document
        return cls(**known)

    @property
    def is_terminal(self) -> bool:
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
