"""An API that asks for keys, with two tenants, one of which has something of everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from api.owners import OWNERS, RouteOwner
from config import Settings
from main import create_app
from tests.contract.calls import call_of
from tests.makers import node, workflow

OPERATOR_KEY = "the-operators-own-key"
CLOSED: dict[str, Any] = {
    "auth_required": True,
    "operator_key": OPERATOR_KEY,
    "self_registration_enabled": False,
}


def operations(owners: Mapping[str, RouteOwner] = OWNERS) -> dict[str, tuple[str, str]]:
    """Method and path of each route that has an owner there, by its operation id; of each native one."""
    paths = create_app(Settings(_env_file=None)).openapi()["paths"]
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation["operationId"] in owners
    }


OPERATIONS = operations()


class House:
    """An API that asks for keys, with two tenants, and what the first one has."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        self.keys: dict[str, str] = {}
        self.names: dict[str, str] = {}

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
    app = create_app(Settings(redis_url=redis_url, **CLOSED))
    transport: Any = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://headrace") as client,
    ):
        made = House(client)
        operator = {"Authorization": f"Bearer {OPERATOR_KEY}"}
        for tenant in ("acme", "bolt"):
            answer = await client.post("/v1/tenants", json={"name": tenant}, headers=operator)
            made.keys[tenant] = answer.json()["api_key"]["key"]
        mine = {"X-API-Key": made.keys["acme"]}
        for scope in ("read", "run"):
            answer = await client.post("/v1/keys", json={"name": scope, "scopes": [scope]}, headers=mine)
            made.keys[scope] = answer.json()["key"]
            made.names["key_id"] = answer.json()["key_id"]
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
