"""Executions of registered workflows: started by name, refused while paused, untouched by a removal."""

import httpx2
from redis.asyncio import Redis

from tests.contract.samples import ORDER, node, workflow
from tests.contract.samples import put_workflow as put
from tests.makers import FakeWorker


async def test_a_paused_workflow_starts_nothing_until_it_is_resumed(client: httpx2.AsyncClient) -> None:
    await put(client, "orders", ORDER)
    headers = {"Idempotency-Key": "once"}
    before = await client.post("/v1/workflows/orders/executions", headers=headers)

    paused = [await client.post("/v1/workflows/orders/pause") for _ in range(2)]
    refused = await client.post("/v1/workflows/orders/executions")
    repeated = await client.post("/v1/workflows/orders/executions", headers=headers)
    resumed = await client.post("/v1/workflows/orders/resume")
    started = await client.post("/v1/workflows/orders/executions")

    assert [answer.json()["outcome"] for answer in paused] == ["updated", "unchanged"]
    assert paused[0].headers["etag"] == paused[1].headers["etag"]
    assert (refused.status_code, refused.json()["code"]) == (409, "WORKFLOW_INACTIVE")
    assert repeated.json()["execution_id"] == before.json()["execution_id"]
    assert (resumed.json()["is_active"], resumed.json()["version"]) == (True, 1)
    assert started.status_code == 202


async def test_executions_of_a_removed_workflow_go_on(
    client: httpx2.AsyncClient, worker: FakeWorker, redis: Redis
) -> None:
    made = await put(client, "orders", ORDER)
    await put(client, "orders", ORDER.replace("paid", "asked"), **{"If-Match": "*"})
    started = await client.post("/v1/workflows/orders/executions")

    stale = await client.delete("/v1/workflows/orders", headers={"If-Match": made.headers["etag"]})
    removed = await client.delete("/v1/workflows/orders")
    again = await client.delete("/v1/workflows/orders")
    left = [key async for key in redis.scan_iter("*registered*")]
    for _ in "AB":
        for held in (await worker.start()).values():
            await worker.complete(held)

    assert [answer.status_code for answer in (stale, removed, again)] == [412, 204, 404]
    assert left == []
    assert await redis.exists("workflows:names:default", "idx:workflows:default") == 0
    assert (await client.get(started.headers["location"])).json()["status"] == "COMPLETED"
    recreated = await put(client, "orders", ORDER)
    assert recreated.status_code == 201
    assert recreated.headers["etag"] != made.headers["etag"]


async def test_a_start_takes_inputs_labels_trigger_and_key(client: httpx2.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "default": 7}}}
    await client.put("/v1/workflows/orders", json=workflow(node("A"), inputs=schema))
    body = {
        "inputs": {"n": 8},
        "labels": {"team": "shop"},
        "execution_key": "order-1",
        "trigger": {"payload": {"x": 1}},
    }

    started = await client.post("/v1/workflows/orders/executions", json=body)
    taken = await client.post("/v1/workflows/orders/executions", json=body)
    wrong = await client.post("/v1/workflows/orders/executions", json={"inputs": {"n": "x"}})
    unknown = await client.post("/v1/workflows/orders/executions", json={"input": {}})

    view = (await client.get(started.headers["location"])).json()
    assert (view["inputs"], view["labels"], view["execution_key"]) == ({"n": 8}, {"team": "shop"}, "order-1")
    assert view["trigger"]["payload"] == {"x": 1}
    assert [answer.status_code for answer in (taken, wrong, unknown)] == [409, 422, 422]
    workflow_id = (await client.get("/v1/workflows/orders")).json()["workflow_id"]
    listed = (await client.get(f"/v1/executions?workflow={workflow_id}")).json()["items"]
    assert [item["execution_id"] for item in listed] == [started.json()["execution_id"]]
