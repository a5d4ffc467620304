"""Says what a registration would do, by the comparison that the script makes; nothing is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from orchestrator.definitions.definition import Definition
from orchestrator.definitions.registry import WorkflowRecord, hash_of
from orchestrator.errors import WebhookExists
from orchestrator.operations.results import WorkflowChange
from orchestrator.store.reader import Store
from orchestrator.store.requests import Registration


async def preview(
    store: Store, wanted: Registration, record: WorkflowRecord | None, definition: Definition
) -> WorkflowChange:
    """Give the change that a registration would be, with the record it would come to.

    record      of the workflow that it would change; None where it would be a new one, whose id is not kept.
    definition  that would be registered.
    Raises WebhookExists.
    """
    if record is not None and await _is_same(store, wanted, record):
        return WorkflowChange(record, "unchanged", definition=definition)
    for hook in wanted.webhooks:
        kind, _, path = hook.name.partition(":")
        holder = await store.webhooks.record("path" if kind == "path" else "webhook", path)
        whose = None if holder is None else (holder.tenant, holder.workflow_id)
        if whose not in (None, (wanted.tenant, wanted.workflow_id)):
            raise WebhookExists(path)
    if record is None:
        now_ms = str(await store.now_ms())
        made = {"version": "1", "revision": "1", "created_ms": now_ms, "updated_ms": now_ms}
        fields = {**wanted.fields, **made, "workflow_id": wanted.workflow_id, "name": wanted.name}
        raw = {name.encode(): value.encode() for name, value in fields.items()}
        return WorkflowChange(WorkflowRecord.from_redis(wanted.tenant, raw), "created", definition=definition)
    known = _known_fields(wanted)
    version = record.version + (known["hash"] != record.hash)
    return WorkflowChange(replace(record, version=version, **known), "updated", definition=definition)


async def _is_same(store: Store, wanted: Registration, record: WorkflowRecord) -> bool:
    """Whether the workflow has all this already: its text, too, and no secret comes with it."""
    if any(hook.secrets for hook in wanted.webhooks):
        return False
    if any(getattr(record, name) != value for name, value in _known_fields(wanted).items()):
        return False
    source = await store.workflows.source(record.tenant, record.workflow_id, record.version)
    return source is not None and hash_of(source.media_type, source.text) == wanted.fields["sent"]


def _known_fields(wanted: Registration) -> dict[str, Any]:
    """The fields of a registration as a record has them; `sent` is in none."""
    fields: dict[str, Any] = {name: value for name, value in wanted.fields.items() if name != "sent"}
    for name in fields.keys() & {"is_active", "has_interface"}:
        fields[name] = fields[name] == "1"
    if "labels" in fields:
        fields["labels"] = orjson.loads(fields["labels"])
    return fields
