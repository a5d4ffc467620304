"""One call of every route, with a body that it takes."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.makers import node, workflow

#: Has the form of a key, and is none.
A_KEY = "hr_aaaaaaaa_" + "A" * 43
NOTE = {"by": "ann"}
#: Routes whose answers last.
STREAMS = frozenset({"executions_events", "executions_feed"})
#: Bodies of the routes that need one, by operation id.
BODIES: dict[str, Any] = {
    "workflow_submit": workflow(node("A")),
    "definitions_validate": workflow(node("A")),
    "definitions_simulate": {"definition": workflow(node("A"))},
    "executions_create": {"definition": workflow(node("A"))},
    "executions_fork": {"from_node": "A"},
    "executions_node_complete": NOTE | {"output": 1},
    "executions_node_fail": NOTE,
    "executions_node_skip": NOTE,
    "executions_node_retry": NOTE,
    "executions_decide": NOTE | {"decision": "approve", "shown": "x"},
    "workflows_create": workflow(node("A")),
    "workflows_put": workflow(node("A")),
    "workflows_start": {},
    "workflows_change": {"labels": {"team": "shop"}},
    "schedules_create": {"workflow": "orders", "cron": "@daily"},
    "schedules_put": {"cron": "@daily"},
    "schedules_preview": {"cron": "@daily"},
    "schedules_backfill": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"},
    "webhooks_create": {"workflow": "orders", "scheme": "hub256"},
    "webhooks_change": {"is_active": True},
    "keys_create": {"name": "ci"},
    "tenants_create": {"name": "carl"},
    "tenants_change": {"title": "Acme"},
    "tenants_keys_create": {"name": "ci"},
}


async def call_of(
    client: httpx2.AsyncClient,
    operation: str,
    method: str,
    path: str,
    names: dict[str, str],
    headers: dict[str, str],
) -> httpx2.Response:
    """Make the call; a stream is left at its first line."""
    url = path.format(**names)
    if operation == "executions_events":
        url += "?from=now"
    return await client.request(method, url, json=BODIES.get(operation), headers=headers)
