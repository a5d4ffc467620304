"""`GET /v1/executions` by the schedule or the webhook that has started them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from orchestrator.operations.origin import label_digest, starter_label
from tests.contract.webhooks_over_http import BODY, PATH, create_orders, signed
from tests.makers import Rig, node, workflow


async def listed(client: httpx2.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/v1/executions", params=query)
    assert answer.status_code == 200, answer.text
    return [row["execution_id"] for row in answer.json()["items"]]


@pytest.fixture
async def schedule_id(client: httpx2.AsyncClient) -> str:
    await client.post("/v1/workflows", json=workflow(node("A"), name="Orders"))
    made = await client.post("/v1/schedules", json={"workflow": "orders", "name": "mornings", "every": "1d"})
    await client.post("/v1/schedules", json={"workflow": "orders", "name": "evenings", "every": "1d"})
    return str(made.json()["schedule_id"])


async def started(client: httpx2.AsyncClient, schedule: str) -> str:
    answer = await client.post(f"/v1/schedules/{schedule}/trigger", json={})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["execution_id"])


async def test_those_of_a_schedule_are_listed_by_its_name_and_its_id(
    client: httpx2.AsyncClient, schedule_id: str
) -> None:
    first, other, second = [await started(client, each) for each in ("mornings", "evenings", "mornings")]
    await client.post("/v1/workflows/orders/executions", json={})
    await client.post(f"/v1/executions/{first}/cancel")
    replay = (await client.post(f"/v1/executions/{first}/replay")).json()["execution_id"]

    both = [second, first]
    assert await listed(client, schedule="mornings") == await listed(client, schedule=schedule_id) == both
    assert await listed(client, schedule="mornings", status="CANCELLED") == [first]
    assert await listed(client, schedule="evenings", workflow="orders") == [other]
    assert replay not in await listed(client, schedule="mornings")
    counted = (await client.get("/v1/executions?schedule=mornings&counts=true")).json()["counts"]
    assert {status: count for status, count in counted.items() if count} == {"CANCELLED": 1, "RUNNING": 1}
    page = (await client.get("/v1/executions?schedule=mornings&limit=1")).json()
    assert await listed(client, schedule="mornings", limit=1, cursor=page["next_cursor"]) == [first]


async def test_a_removed_schedule_is_known_by_its_id_as_long_as_it_has_executions(
    client: httpx2.AsyncClient, schedule_id: str, redis: Any
) -> None:
    execution_id = await started(client, "mornings")
    await client.delete("/v1/schedules/mornings")

    assert await listed(client, schedule=schedule_id) == [execution_id]
    assert await listed(client, schedule=schedule_id, status="FAILED") == []
    by_name = await client.get("/v1/executions?schedule=mornings")
    assert (by_name.status_code, by_name.json()["code"]) == (404, "SCHEDULE_NOT_FOUND")
    row = f"*{label_digest(*starter_label('schedule', schedule_id))}*"
    assert len(await redis.keys(row)) == 1
    await client.post(f"/v1/executions/{execution_id}/cancel")
    assert (await client.delete(f"/v1/executions/{execution_id}")).status_code in (202, 204)
    assert await redis.keys(row) == []
    assert (await client.get(f"/v1/executions?schedule={schedule_id}")).status_code == 404


async def test_another_tenant_finds_none_of_them(
    client: httpx2.AsyncClient, schedule_id: str, rig: Rig
) -> None:
    execution_id = await started(client, "mornings")
    starter = starter_label("schedule", schedule_id)

    own, other = [await rig.engine.of(each).executions.list(labels=[starter]) for each in ("default", "acme")]

    assert [row.execution_id for row in own.items] == [execution_id]
    assert other.items == []


async def test_those_of_a_webhook_are_listed_by_its_path(client: httpx2.AsyncClient) -> None:
    secret = await create_orders(client)
    taken = await client.post(PATH, content=BODY, headers=signed(secret))
    await client.post("/v1/workflows/orders/executions", json={})

    assert taken.status_code == 202, taken.text
    assert await listed(client, webhook="orders") == [taken.json()["execution_id"]]
    unknown = await client.get("/v1/executions?webhook=other")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "WEBHOOK_NOT_FOUND")


async def test_a_label_of_a_user_cannot_stand_for_a_schedule(
    client: httpx2.AsyncClient, schedule_id: str
) -> None:
    name, value = starter_label("schedule", schedule_id)

    start = "/v1/workflows/orders/executions"
    plain = await client.post(start, json={"labels": {"schedule": value}})
    answer = await client.post(start, json={"labels": {name: value}})

    assert (plain.status_code, answer.status_code) == (202, 422)
    assert await listed(client, schedule="mornings") == []
