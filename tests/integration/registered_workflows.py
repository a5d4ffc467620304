"""What the tests of the registry share: workflows registered by their nodes."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.definitions.registry import Source, WorkflowRecord
from orchestrator.store.requests import Idempotency, Registration
from tests.makers import Rig, node, workflow


async def register(
    rig: Rig, name: str, *nodes: dict[str, Any], tenant: str = "default", **extras: Any
) -> WorkflowRecord:
    """Register a definition under a name, or make it the newest version of the workflow that has it."""
    document = workflow(*(nodes or (node("A"),)), name=name, **extras)
    workflows = rig.engine.of(tenant).workflows
    source = Source(orjson.dumps(document), "application/json")
    for if_match in (None, ("*",)):
        if if_match or not await rig.store.workflows.id_of(tenant, name):
            return (await workflows.put(name, document, source, if_match=if_match)).record
    raise AssertionError


def registration(
    workflow_id: str = "wf_" + 26 * "a", *, name: str = "orders", revision: int | None = None, **fields: str
) -> Registration:
    """A change as the script takes it."""
    given = {
        "title": "Orders",
        "description": "",
        "labels": "{}",
        "is_active": "1",
        "hash": "h1",
        "sent": "s1",
        "media_type": "application/json",
        "file": "",
    }
    return Registration(
        workflow_id=workflow_id,
        tenant="default",
        name=name,
        other_name=f"{name}-{workflow_id[-6:]}",
        revision=revision,
        fields=given | fields,
        definition=b'{"name":"Orders"}',
        source=Source(b"text", "application/json"),
        idempotency=Idempotency("key", "digest", "call") if revision is None else None,
    )
