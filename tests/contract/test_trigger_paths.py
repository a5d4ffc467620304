"""Trigger paths that the document of a workflow names: written and removed with it, started by the tenant."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from orchestrator.errors import WebhookNotFound
from tests.makers import Rig, node, workflow


def named(*paths: dict[str, str], name: str = "Orders") -> dict[str, Any]:
    return workflow(node("A"), name=name, triggers={"paths": list(paths)})


async def test_a_path_starts_its_workflow_for_its_tenant_alone(client: httpx2.AsyncClient, rig: Rig) -> None:
    made = (await client.post("/v1/workflows", json=named({"path": "orders/new"}))).json()

    headers = {"content-type": "application/json", "x-api-key": "k"}
    done = await rig.engine.webhooks.trigger(
        "orders/new", b'{"n": 1}', headers=headers, query={"q": "1"}, labels={"door": "toy"}
    )

    assert done.workflow_id == made["workflow_id"]
    found = (await client.get(f"/v1/executions/{done.submitted.execution_id}")).json()
    assert (found["labels"], found["workflow_id"]) == ({"door": "toy"}, made["workflow_id"])
    assert found["trigger"] == {
        "source": "path",
        "path": "orders/new",
        "payload": {"n": 1},
        "headers": {"content-type": "application/json"},
        "query": {"q": "1"},
    }
    for engine, path in ((rig.engine.of("acme"), "orders/new"), (rig.engine, "orders"), (rig.engine, "a//b")):
        with pytest.raises(WebhookNotFound):
            await engine.webhooks.trigger(path, b"{}", headers={})


async def test_a_request_with_an_id_is_one_execution(client: httpx2.AsyncClient, rig: Rig) -> None:
    await client.post("/v1/workflows", json=named({"path": "orders"}))

    ids = {
        (
            await rig.engine.webhooks.trigger("orders", b"{}", headers={"idempotency-key": "k"})
        ).submitted.execution_id
        for _ in range(3)
    }

    assert len(ids) == 1


async def test_a_document_brings_its_paths_and_takes_them_away(client: httpx2.AsyncClient, rig: Rig) -> None:
    await client.post("/v1/workflows", json=named({"path": "orders"}, {}))
    record = await rig.engine.workflows.get("orders")
    await client.put("/v1/workflows/orders", json=named({"path": "new"}), headers={"If-Match": "*"})
    changed = await rig.engine.workflows.get("orders")
    taken = await client.post("/v1/workflows", json=named({"path": "new"}, name="Other"))
    await client.delete("/v1/workflows/orders")
    again = await client.post("/v1/workflows", json=named({"path": "new"}, name="Other"))

    minted = [name for name in record.hooks if name != "path:orders"]
    assert "path:orders" in record.hooks
    assert [name.startswith("path:wh_") for name in minted] == [True]
    assert changed.hooks == ("path:new",)
    assert (taken.status_code, taken.json()["code"]) == (409, "WEBHOOK_EXISTS")
    assert again.status_code == 201


async def test_a_path_that_is_made_stays_while_the_document_names_one_and_is_another_afterwards(
    client: httpx2.AsyncClient, rig: Rig
) -> None:
    found: list[list[str]] = []
    documents: list[list[dict[str, str]]] = [[{}], [{}, {"path": "orders"}], [], [{}]]
    for number, paths in enumerate(documents):
        document = named(*paths) | {"description": f"text {number}"}
        await client.put("/v1/workflows/orders", json=document, headers={"If-Match": "*"} if number else {})
        record = await rig.engine.workflows.get("orders")
        found.append([name for name in record.hooks if name != "path:orders"])

    assert found[0] == found[1]
    assert found[2] == []
    assert len(found[0]) == len(found[3]) == 1
    assert found[0] != found[3]


async def test_they_are_no_webhooks_and_may_have_the_path_of_one(client: httpx2.AsyncClient) -> None:
    hook = {"webhooks": [{"path": "orders", "scheme": "hub256"}], "paths": [{"path": "orders"}]}
    await client.post("/v1/workflows", json=workflow(node("A"), name="Orders", triggers=hook))

    listed = (await client.get("/v1/webhooks")).json()["items"]

    assert [(each["path"], each["scheme"]) for each in listed] == [("orders", "hub256")]


async def test_only_the_tenant_default_chooses_paths(client: httpx2.AsyncClient) -> None:
    created = (await client.post("/v1/tenants", json={"name": "acme"})).json()
    mine = {"X-API-Key": created["api_key"]["key"]}

    chosen = await client.post("/v1/workflows", json=named({"path": "orders"}), headers=mine)
    made = await client.post("/v1/workflows", json=named({}), headers=mine)

    assert chosen.status_code == 422
    assert chosen.json()["errors"][0]["path"] == "triggers.paths[0].path"
    assert made.status_code == 201
