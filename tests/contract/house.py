"""An API that asks for keys, with two tenants, one of which has something of everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2

from api.owners import OWNERS, RouteOwner
from docs import generate
from tests.contract.calls import call_of
from tests.contract.two_tenants import TwoTenants, two_tenants
from tests.makers import node, workflow


def operations(owners: Mapping[str, RouteOwner] = OWNERS) -> dict[str, tuple[str, str]]:
    """Method and path of each route that has an owner there, by its operation id; of each native one."""
    paths = generate.openapi()["paths"]
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation["operationId"] in owners
    }


OPERATIONS = operations()


class House:
    """An API that asks for keys, with two tenants, and what the first one has."""

    def __init__(self, tenants: TwoTenants) -> None:
        self.client = tenants.client
        self.keys = tenants.keys
        self.names = {"key_id": tenants.key_ids["run"]}

    async def call(
        self, operation: str, key: str | None, *, sent: Mapping[str, str] | None = None, **names: str
    ) -> httpx2.Response:
        """Make one call of a route. sent: further headers; names: of what is in its path."""
        method, path = OPERATIONS[operation]
        headers = {**({} if key is None else {"X-API-Key": key}), **(sent or {})}
        return await call_of(self.client, operation, method, path, {**self.names, **names}, headers)


@asynccontextmanager
async def built(redis_url: str) -> AsyncIterator[House]:
    """An API that asks for keys, and what its first tenant has of everything."""
    async with two_tenants(redis_url) as tenants:
        made, client = House(tenants), tenants.client
        mine = {"X-API-Key": made.keys["acme"]}
        answer = await client.post(
            "/v1/executions", json={"definition": workflow(node("A")), "trigger": True}, headers=mine
        )
        made.names |= {"execution_id": answer.json()["execution_id"], "node_id": "A", "name": "go"}
        cancelled = {"definition": workflow(node("A")), "on_cancel": {"url": "https://receiver.example/"}}
        answer = await client.post("/v1/executions", json=cancelled, headers=mine)
        path = f"/v1/executions/{answer.json()['execution_id']}/cancel"
        await client.post(path, json={"grace": 0}, headers=mine)
        made.names["delivery_id"] = f"{answer.json()['execution_id']}.1.0"
        answer = await client.put("/v1/workflows/orders", json=workflow(node("A")), headers=mine)
        hook = await client.post(
            "/v1/webhooks", json={"workflow": "orders", "scheme": "hub256"}, headers=mine
        )
        made.names["path"] = hook.json()["path"]
        made.names |= {"entry_id": "1-0", "tenant": "acme", "workflow": "orders", "version": "1"}
        rule = {"workflow": "orders", "name": "nightly", "cron": "@daily"}
        await client.post("/v1/schedules", json=rule, headers=mine)
        made.names["schedule"] = "nightly"
        yield made
