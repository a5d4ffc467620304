"""Makes executions and events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headrace.values import Event, Execution, Node


def node(node_id: str, *, after: tuple[str, ...] = (), **fields: Any) -> Node:
    return Node(node_id=node_id, status=fields.pop("status", "PENDING"), dependencies=after, **fields)


def view(*nodes: Node, status: str = "RUNNING", cancelling: str | None = None) -> Execution:
    return Execution(execution_id="e1", name="demo", status=status, cancelling=cancelling, nodes=nodes)


def event(type_: str, node_id: str | None = None, **data: Any) -> Event:
    ts = "2026-11-20T08:15:30.123Z"
    attempt = data.pop("attempt", 1 if node_id else None)
    return Event(seq=1, type=type_, execution_id="e1", node_id=node_id, attempt=attempt, ts=ts, data=data)


def item_event(type_: str, index: int, **data: Any) -> Event:
    return replace(event(type_, "A", **data), item=index)
