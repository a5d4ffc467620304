"""What the tests of webhooks share: hooks of registered workflows, and deliveries that are signed."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.webhooks import WebhookRecord
from orchestrator.documents.signatures import Scheme, signed_headers
from orchestrator.operations.incoming import Incoming
from orchestrator.operations.results import Submitted
from orchestrator.store.layout import lay_out
from orchestrator.store.requests import Delivered, HookChange, digest_of
from orchestrator.store.script_client import Call
from tests.dags import compiled
from tests.integration.registered_workflows import register
from tests.makers import Rig, node, workflow

SECRET = "whsec_MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE="
ORDER = {"order": 7}


async def hooked(
    rig: Rig,
    path: str | None = "orders",
    *,
    tenant: str = "default",
    scheme: str = "hub256",
    nodes: tuple[dict[str, Any], ...] = (),
    extras: dict[str, Any] | None = None,
    **wanted: Any,
) -> WebhookRecord:
    """Register a workflow and make a webhook of it."""
    await register(rig, "orders", *nodes, tenant=tenant, **(extras or {}))
    asked = wanted | {"scheme": scheme} | ({"path": path} if path else {})
    made = await rig.engine.of(tenant).webhooks.create("orders", asked, secrets=[SECRET])
    return made.view.record


def delivery(
    hook: WebhookRecord,
    payload: Any = ORDER,
    *,
    delivery_id: str = "",
    secret: str = SECRET,
    now_s: float = 0,
    **headers: str,
) -> Incoming:
    """A delivery as a sender makes it; without an id where none is given."""
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    signed = signed_headers(
        hook.scheme, secret, raw, delivery_id=delivery_id or "d", now_s=now_s, header=hook.header
    )
    if not delivery_id and hook.scheme is not Scheme.STANDARD:
        signed = {name: value for name, value in signed.items() if value != "d"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming(hook.kind, hook.path, signed | named, raw)


async def deliver(rig: Rig, hook: WebhookRecord, payload: Any = ORDER, **how: Any) -> Submitted:
    return await rig.engine.incoming.receive(delivery(hook, payload, now_s=rig.now_ms / 1000, **how))


def hook_change(workflow: WorkflowRecord, *, name: str = "webhook:orders", **fields: str) -> HookChange:
    """A new hook as the script takes it."""
    given = {
        "hook_id": "h1",
        "scheme": "hub256",
        "header": "",
        "inputs": "none",
        "is_active": "1",
        "owner": "",
        "secrets": f"5 - {SECRET}",
    }
    return HookChange(name, workflow.tenant, workflow.workflow_id, given | fields, call_id="first")


def start_of(
    rig: Rig, hook: WebhookRecord, of: WorkflowRecord, *, execution_id: str = "x1", delivery_id: str = "d1"
) -> Call[list[Any]]:
    """The call that starts an execution for a delivery."""
    document = workflow(node("A"))
    return rig.transitions.deliver_webhook(
        execution_id,
        orjson.dumps(document),
        lay_out(compiled(document)).last,
        delivered=Delivered(hook, of, digest_of(delivery_id) if delivery_id else ""),
        extra=("tenant", hook.tenant, "workflow_id", of.workflow_id),
    )
