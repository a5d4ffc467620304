"""Load of two tenants: starts by name under execution keys, and purges of what has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson
from redis.exceptions import RedisError

from orchestrator.definitions.registry import Source, name_of
from orchestrator.errors import ExecutionNotFound, HeadraceError, PreconditionRequired
from orchestrator.operations.origin import Origin
from orchestrator.store.requests import Idempotency
from tests.chaos.collected import read

if TYPE_CHECKING:
    from tests.chaos.client import Client

TENANTS = ("default", "other")
#: Execution keys of each tenant: few, so that triggers meet executions that go on.
KEYS = 4
#: A purge left half-way is finished by an orchestrator a minute later.
PATIENCE_S = 100.0


async def start_by_name(client: Client, tenant: str, document: dict[str, Any]) -> str:
    """Register a definition under its name and trigger it, now and then twice; gives the newest execution."""
    name, execution_id = name_of(document["name"]), ""
    await register(client, tenant, name, document)
    for _ in range(2 if client.dice.random() < 0.4 else 1):
        execution_id = await trigger(client, tenant, name, document)
    return execution_id


async def register(client: Client, tenant: str, name: str, document: dict[str, Any]) -> str:
    """Register a definition, or make it the newest version; gives the id of the workflow."""
    return str(await client.until_answered(lambda: _register(client, tenant, name, document)))


async def _register(client: Client, tenant: str, name: str, document: dict[str, Any]) -> str:
    body = orjson.dumps(document)
    workflows, source = client.engine.of(tenant).workflows, Source(body, "application/json")
    try:
        done = await workflows.put(name, document, source, body=body)
    except PreconditionRequired:
        done = await workflows.put(name, document, source, body=body, if_match=["*"])
    return done.record.workflow_id


async def trigger(client: Client, tenant: str, name: str, document: dict[str, Any]) -> str:
    """Start a workflow, or use the execution that goes on with the key; asked again it is the same one."""
    key = f"order-{client.dice.randrange(KEYS)}"
    origin = Origin(labels={"key": key}, execution_key=key, id_conflict_policy="use_existing")
    number = f"{client.dice.getrandbits(64):x}"
    idempotency = Idempotency.named(number, route=f"/v1/workflows/{name}/executions", body=b"")
    view, execution_id = client.engine.of(tenant), ""
    for _ in range(2 if client.dice.random() < 0.2 else 1):
        submitted = await client.until_answered(
            lambda: view.workflows.start(name, origin=origin, idempotency=idempotency)
        )
        assert execution_id in ("", submitted.execution_id), "one request started two executions"
        execution_id = submitted.execution_id
    if execution_id in client.accepted:
        assert client.tenant_of(execution_id) == tenant, "a key named an execution of another tenant"
        client.existing += 1
    else:
        client.named += 1
        client.accept(execution_id, tenant, document)
    return str(execution_id)


async def purge_some(client: Client) -> None:
    """Purge now and then an execution that has ended for good with all its children, read whole before."""
    ready = sorted(client.ended & client.retried - set(client.purged))
    if not ready or client.dice.random() < 0.6:
        return
    root = client.dice.choice(ready)
    try:
        family = [await read(client, each) for each in (root, *client.kin_below(root))]
    except (HeadraceError, RedisError, OSError):
        return
    listed = {child for each in family for child, _ in each.children}
    ended = {each.execution_id for each in family if each.ended_ms is not None}
    if not listed | {root} <= ended:
        return  # A child goes on, or is not known yet.
    await client.until_answered(lambda: _purge(client, root))
    client.purged |= {each.execution_id: each for each in family}
    client.unsignalled = {each for each in client.unsignalled if each[0] not in client.purged}


async def _purge(client: Client, execution_id: str) -> None:
    try:
        await client.view_of(execution_id).executions.purge(execution_id)
    except ExecutionNotFound:
        pass  # It was carried out, and the answer was lost.


async def purges_left(client: Client, deadline_s: float) -> list[str]:
    """Purges that nobody has finished yet; none once it is asked in vain for too long."""
    members: Any = await client.redis.zrange("workflows:purging", 0, -1)
    return [member.decode() for member in members] if time.monotonic() < deadline_s else []
