"""What the tests of webhooks over HTTP share."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from config import Settings
from main import create_app
from tests.makers import node, workflow
from tests.serving import serving_app

BODY = b'{"order": 7}'
PATH = "/webhooks/orders"


async def create_orders(client: httpx2.AsyncClient) -> str:
    """Make a webhook `orders` of the workflow of that name; gives its secret."""
    await client.put("/v1/workflows/orders", json=workflow(node("A")))
    found: str = (await create(client, path="orders"))["secret"]
    return found


async def create(client: httpx2.AsyncClient, status: int = 201, **wanted: Any) -> dict[str, Any]:
    body = {"workflow": "orders", "scheme": "hub256"} | wanted
    answer = await client.post("/v1/webhooks", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def signed(secret: str, delivery_id: str = "", body: bytes = BODY) -> dict[str, str]:
    """Headers as GitHub sends them."""
    signature = hmac.new(secret.encode(), body, "sha256").hexdigest()
    named = {"X-GitHub-Delivery": delivery_id} if delivery_id else {}
    return named | {"X-Hub-Signature-256": f"sha256={signature}"}


@asynccontextmanager
async def serving(redis_url: str, **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving_app(create_app(Settings(redis_url=redis_url, _env_file=None, **settings))) as made:
        yield made
