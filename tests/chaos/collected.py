"""Reads at the end what has become of executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from orchestrator.definitions.definition import OUTPUT
from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import Event
from orchestrator.units import unit_of
from tests.chaos.history import EndReply, Expired, Line

if TYPE_CHECKING:
    from tests.chaos.client import Client


async def collect(client: Client) -> tuple[EndReply, ...]:
    """Read every execution whole, with its history and its children; what is gone is left out."""
    await client.adopt()
    found = []
    for execution_id in (*client.documents, *client.kin):
        if execution_id in client.purged:
            continue
        try:
            found.append(await read(client, execution_id))
        except ExecutionNotFound:
            pass  # The checker knows that it was accepted.
    return (*client.purged.values(), *found)


def expired(client: Client) -> tuple[Expired, ...]:
    """Give the executions that had a short retention."""
    return tuple(
        Expired(execution_id, document, client.tenant_of(execution_id))
        for execution_id, document in client.fleeting.items()
    )


async def read(client: Client, execution_id: str) -> EndReply:
    """Read one execution. Raises ExecutionNotFound."""
    own = client.view_of(execution_id)
    view = await own.executions.get(execution_id)
    outputs = await own.executions.results(execution_id)
    events = await own.events.list(execution_id, limit=10_000)
    entries: Any = await client.redis.lrange(client.engine.store.keys.children(execution_id), 0, -1)
    execution, final = view.execution, await client.engine.store.output(execution_id, OUTPUT)
    return EndReply(
        execution_id,
        client.document_of(execution_id),
        str(execution.status),
        {node.node_id: str(node.status) for node in view.nodes},
        {node_id: orjson.loads(text) if text else None for node_id, text in outputs.items()},
        tuple(Line(event.seq, event.type, _unit_of(event), event.attempt) for event in events),
        final=orjson.loads(final) if final else None,
        parent=(execution.parent, execution.parent_unit or "") if execution.parent else None,
        children=tuple((child, unit) for child, unit in (e.decode().split(" ") for e in entries)),
        ended_ms=execution.ended_ms,
        created_ms=execution.created_ms,
        tenant=execution.tenant,
        workflow_id=execution.workflow_id,
        trigger=orjson.loads(view.trigger) if view.trigger else {},
    )


def _unit_of(event: Event) -> str | None:
    if event.node_id is None or event.item is None:
        return event.node_id
    return unit_of(event.node_id, event.item)
