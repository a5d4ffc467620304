"""An API that asks for keys, with two tenants, and smaller keys of the first one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from config import Settings
from main import create_app
from tests.contract.calls import A_KEY
from tests.serving import serving_app

OPERATOR_KEY = "the-operators-own-key"
CLOSED: dict[str, Any] = {
    "auth_required": True,
    "operator_key": OPERATOR_KEY,
    "self_registration_enabled": False,
}


@dataclass
class TwoTenants:
    """Keys: `acme` and `bolt` open all of a tenant; `read` and `run` open that much of acme.

    key_ids are those of the smaller keys.
    """

    client: httpx2.AsyncClient
    keys: dict[str, str] = field(default_factory=dict)
    key_ids: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, key: str | None, body: Any = None) -> httpx2.Response:
        headers = {} if key is None else {"X-API-Key": self.keys.get(key, key)}
        return await self.client.request(method, path, json=body, headers=headers)

    async def get(self, path: str, key: str | None) -> httpx2.Response:
        return await self.call("GET", path, key)

    async def post(self, path: str, key: str | None, body: Any) -> httpx2.Response:
        return await self.call("POST", path, key, body)

    async def statuses(self, method: str, path: str, body: Any = None) -> dict[str, int]:
        """Give the status that each sort of key gets, and none."""
        keys = {"no key": None, "bad key": A_KEY, "read": "read", "run": "run"}
        return {name: (await self.call(method, path, key, body)).status_code for name, key in keys.items()}


@asynccontextmanager
async def two_tenants(redis_url: str, **settings: Any) -> AsyncIterator[TwoTenants]:
    """Start the API and make both tenants."""
    async with serving_app(create_app(Settings(redis_url=redis_url, **{**CLOSED, **settings}))) as client:
        made = TwoTenants(client)
        operator = {"Authorization": f"Bearer {OPERATOR_KEY}"}
        for tenant in ("acme", "bolt"):
            answer = await client.post("/v1/tenants", json={"name": tenant}, headers=operator)
            made.keys[tenant] = answer.json()["api_key"]["key"]
        for scope in ("read", "run"):
            answer = await made.post("/v1/keys", "acme", {"name": scope, "scopes": [scope]})
            made.keys[scope], made.key_ids[scope] = answer.json()["key"], answer.json()["key_id"]
        yield made
