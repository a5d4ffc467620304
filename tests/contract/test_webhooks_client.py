"""`client.webhooks` against the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from config import Settings
from headrace.client import AsyncClient
from headrace.errors import ApiError, NotFound
from main import create_app
from tests.contract.webhooks_over_http import BODY, PATH, signed
from tests.makers import node, workflow


@pytest.fixture
async def served(redis_url: str) -> AsyncIterator[tuple[AsyncClient, httpx2.AsyncClient]]:
    app = create_app(Settings(redis_url=redis_url))
    transport: Any = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        AsyncClient("http://headrace", transport=transport) as client,
        httpx2.AsyncClient(transport=transport, base_url="http://headrace") as sender,
    ):
        await client.workflows.apply("orders", workflow(node("A")))
        yield client, sender


async def test_a_webhook_is_made_used_changed_and_deleted(
    served: tuple[AsyncClient, httpx2.AsyncClient],
) -> None:
    client, sender = served

    made = await client.webhooks.create("orders", "hub256", path="orders", idempotency_key="k1")
    again = await client.webhooks.create("orders", "hub256", path="orders", idempotency_key="k1")
    assert again.secret == made.secret
    delivered = await sender.post(PATH, content=BODY, headers=signed(str(made.secret)))
    assert delivered.status_code == 202
    rotated = await client.webhooks.rotate("orders", keep=0)
    for secret, status in ((str(made.secret), 401), (str(rotated.secret), 202)):
        assert (await sender.post(PATH, content=BODY, headers=signed(secret))).status_code == status
    tested = await client.webhooks.test("orders", {"n": 1})
    assert (await client.executions.get(tested["execution_id"])).execution_id == tested["execution_id"]
    found = await client.webhooks.get("orders")
    assert found.deliveries["accepted"] == 3
    assert found.deliveries["rejected_for"] == {"mismatch": 1}
    assert found.deliveries["last_rejected"]["reason"] == "mismatch"
    with pytest.raises(ApiError, match="ETag"):
        await client.webhooks.change("orders", is_active=False, if_match='"x.1"')
    assert (await client.webhooks.change("orders", is_active=False)).is_active is False
    listed = [each.path async for each in client.webhooks.list(workflow="orders", limit=5)]
    assert listed == ["orders"]
    await client.webhooks.delete("orders")
    with pytest.raises(NotFound):
        await client.webhooks.get("orders")
