"""Webhooks that the document of a workflow names: written and removed with it."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.contract.webhooks_over_http import signed
from tests.makers import node, workflow


def hooked(*entries: dict[str, Any], name: str = "Orders") -> dict[str, Any]:
    return workflow(node("A"), name=name, triggers={"webhooks": list(entries)})


async def put(client: httpx2.AsyncClient, name: str, *entries: dict[str, Any]) -> httpx2.Response:
    return await client.put(f"/v1/workflows/{name}", json=hooked(*entries), headers={"If-Match": "*"})


async def test_a_document_brings_its_webhooks_and_takes_them_away(client: httpx2.AsyncClient) -> None:
    await client.post("/v1/workflows", json=hooked({"path": "orders", "scheme": "hub256"}))
    without = await client.post("/webhooks/orders", content=b"{}")
    secret = (await client.post("/v1/webhooks/orders/rotate")).json()["secret"]
    taken = await client.post("/webhooks/orders", content=b"{}", headers=signed(secret, "d1", b"{}"))

    await put(
        client, "orders", {"path": "orders", "scheme": "hub256", "inputs": "payload"}, {"scheme": "standard"}
    )
    again = await client.post("/webhooks/orders", content=b"{}", headers=signed(secret, "d2", b"{}"))
    listed = {item["path"]: item for item in (await client.get("/v1/webhooks")).json()["items"]}
    await put(client, "orders", {"path": "orders", "scheme": "standard"})
    changed = await client.post("/webhooks/orders", content=b"{}", headers=signed(secret, "d3", b"{}"))
    left = [item["path"] for item in (await client.get("/v1/webhooks")).json()["items"]]
    await client.delete("/v1/workflows/orders")

    assert (without.status_code, taken.status_code, again.status_code) == (401, 202, 202)
    assert listed["orders"]["inputs"] == "payload"
    (made,) = set(listed) - {"orders"}
    assert made.startswith("wh_")
    # Another scheme has other secrets.
    assert (changed.status_code, left) == (401, ["orders"])
    assert (await client.get("/v1/webhooks")).json()["items"] == []


async def test_a_path_of_another_workflow_is_refused_and_nothing_is_registered(
    client: httpx2.AsyncClient,
) -> None:
    await client.post("/v1/workflows", json=hooked({"path": "orders", "scheme": "hub256"}))

    other = await client.post(
        "/v1/workflows", json=hooked({"path": "orders", "scheme": "hub256"}, name="Other")
    )
    changed = await client.put(
        "/v1/workflows/third", json=hooked({"path": "third", "scheme": "hub256"}, name="Third")
    )
    late = await put(client, "third", {"path": "orders", "scheme": "hub256"})

    assert (other.status_code, other.json()["code"]) == (409, "WEBHOOK_EXISTS")
    assert (changed.status_code, late.status_code) == (201, 409)
    assert (await client.get("/v1/workflows/other")).status_code == 404
    assert (await client.get("/v1/workflows/third")).json()["version"] == 1


async def test_what_is_wrong_is_told_with_its_place(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        "/v1/workflows",
        json=hooked(
            {"path": "a b", "scheme": "hub256"},
            {"scheme": "hub"},
            {"path": "twice", "scheme": "hub256"},
            {"path": "twice", "scheme": "hub256"},
            {"secret": "x"},
        ),
    )

    paths = {problem["path"] for problem in answer.json()["errors"]}
    assert answer.status_code == 422
    assert paths == {
        "triggers.webhooks[0].path",
        "triggers.webhooks[1].scheme",
        "triggers.webhooks[3].path",
        "triggers.webhooks[4].secret",
        "triggers.webhooks[4].scheme",
    }
