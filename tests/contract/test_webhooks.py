"""`/v1/webhooks` as the owner of webhooks meets it."""

from __future__ import annotations

import logging
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from orchestrator.documents.signatures import Scheme
from tests.contract.webhooks_over_http import BODY, PATH, create, create_orders, serving, signed
from tests.makers import node, workflow


@pytest.fixture
async def secret(client: httpx2.AsyncClient) -> str:
    return await create_orders(client)


async def test_a_secret_is_shown_once_and_again_to_the_same_request_alone(
    client: httpx2.AsyncClient, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await client.put("/v1/workflows/orders", json=workflow(node("A")))
    body = {"workflow": "orders", "scheme": "header_token", "path": "orders"}
    key = {"Idempotency-Key": "k1"}
    made = await client.post("/v1/webhooks", json=body, headers=key)
    again = await client.post("/v1/webhooks", json=body, headers=key)
    other = await client.post("/v1/webhooks", json=body | {"path": "other"}, headers=key)
    rotated = await client.post("/v1/webhooks/orders/rotate", headers=key)
    rotated_again = await client.post("/v1/webhooks/orders/rotate", headers=key)
    secrets = [made.json()["secret"], rotated.json()["secret"]]

    assert again.json()["secret"] == secrets[0]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    assert rotated_again.json()["secret"] == secrets[1]
    assert made.headers["Cache-Control"] == "no-store"
    refused = await client.post(PATH, headers={"X-Webhook-Token": secrets[0] + "x"})
    shown = [
        (await client.get("/v1/webhooks")).text,
        (await client.get("/v1/webhooks/orders")).text,
        (await client.patch("/v1/webhooks/orders", json={}, headers={"If-Match": "*"})).text,
        refused.text,
        caplog.text,
    ]
    kept = str([await redis.hvals(each) for each in await redis.keys("workflows:hook:*")])
    for each in secrets:
        assert not [text for text in shown if each in text]
        assert each not in kept  # of a token only the hash
        assert (await client.post(PATH, headers={"X-Webhook-Token": each})).status_code == 202


@pytest.mark.parametrize("scheme", list(Scheme))
async def test_a_test_delivers_what_a_sender_can_send(client: httpx2.AsyncClient, scheme: Scheme) -> None:
    await client.put("/v1/workflows/orders", json=workflow(node("A")))
    await create(client, path="orders", scheme=str(scheme))

    answer = await client.post("/v1/webhooks/orders/test", json={"payload": {"order": 9}})

    assert answer.status_code == 202, answer.text
    view = (await client.get(answer.headers["Location"])).json()
    assert (view["trigger"]["test"], view["trigger"]["payload"]) == (True, {"order": 9})
    request = answer.json()["request"]
    sent = await client.post(request["path"], content=request["body"], headers=request["headers"])
    if scheme is Scheme.HEADER_TOKEN:
        assert sent.status_code == 401
        assert request["headers"]["x-webhook-token"] == "<token>"
    else:
        assert sent.json() == {"execution_id": answer.json()["execution_id"]}


async def test_a_hook_is_changed_by_those_who_know_its_state(client: httpx2.AsyncClient, secret: str) -> None:
    first = (await client.get("/v1/webhooks/orders")).headers["ETag"]
    blind = await client.patch("/v1/webhooks/orders", json={"inputs": "payload"})
    changed = await client.patch(
        "/v1/webhooks/orders", json={"inputs": "payload"}, headers={"If-Match": first}
    )
    same = await client.patch(
        "/v1/webhooks/orders", json={"inputs": "payload"}, headers={"If-Match": changed.headers["ETag"]}
    )
    late = await client.patch("/v1/webhooks/orders", json={"inputs": "none"}, headers={"If-Match": first})
    late_end = await client.delete("/v1/webhooks/orders", headers={"If-Match": first})

    assert (blind.status_code, late.status_code, late_end.status_code) == (428, 412, 412)
    assert changed.json()["inputs"] == "payload"
    assert changed.headers["ETag"] != first
    assert same.headers["ETag"] == changed.headers["ETag"]
    assert (await client.post(PATH, content=BODY, headers=signed(secret))).status_code == 202
    ended = await client.delete("/v1/webhooks/orders", headers={"If-Match": same.headers["ETag"]})
    assert ended.status_code == 204
    assert (await client.post(PATH, content=BODY, headers=signed(secret))).status_code == 404
    assert (await client.get("/v1/webhooks/orders")).status_code == 404


async def test_another_scheme_keeps_the_secrets_that_fit_it_and_makes_one_otherwise(
    client: httpx2.AsyncClient, secret: str
) -> None:
    any_state = {"If-Match": "*"}
    token = await client.patch("/v1/webhooks/orders", json={"scheme": "header_token"}, headers=any_state)
    kept = await client.post(PATH, headers={"X-Webhook-Token": secret})
    standard = await client.patch("/v1/webhooks/orders", json={"scheme": "standard"}, headers=any_state)
    none = await client.patch("/v1/webhooks/orders", json={"scheme": "none"}, headers=any_state)

    assert (token.json()["secret"], token.json()["header"], kept.status_code) == (
        None,
        "x-webhook-token",
        202,
    )
    assert standard.json()["secret"].startswith("whsec_")
    assert standard.json()["header"] is None
    assert (none.json()["secrets"], none.json()["secret"]) == ([], None)
    assert (await client.post(PATH, content=BODY)).status_code == 202


@pytest.mark.parametrize(
    ("wanted", "status", "code", "said"),
    [
        ({"path": "orders"}, 409, "WEBHOOK_EXISTS", "'orders' is taken"),
        ({"path": "a b"}, 422, "WEBHOOK_INVALID", "'path' must be 1 to 128 of"),
        ({"path": "wh_" + 32 * "0"}, 422, "WEBHOOK_INVALID", "not beginning with 'wh_'"),
        ({"workflow": "none"}, 404, "WORKFLOW_NOT_FOUND", "'none'"),
        ({"scheme": "hmac"}, 422, "REQUEST_INVALID", "'scheme'"),
        ({"scheme": "hub256", "header": "X-A"}, 422, "WEBHOOK_INVALID", "'header' is for the scheme"),
        ({"scheme": "standard", "secrets": ["short"]}, 422, "WEBHOOK_INVALID", "'whsec_' and 24 to 64"),
        ({"secrets": ["a", "b", "c", "d", "e"]}, 422, "REQUEST_INVALID", "'secrets'"),
        ({"secrets": ["a", "a"]}, 422, "WEBHOOK_INVALID", "twice"),
        ({"scheme": "none", "secrets": ["a"]}, 422, "WEBHOOK_INVALID", "of no use"),
        ({"inputs": "body"}, 422, "REQUEST_INVALID", "'inputs'"),
        ({"secret": "x"}, 422, "REQUEST_INVALID", "unknown field 'secret'"),
    ],
)
async def test_a_webhook_that_cannot_be_is_refused_and_nothing_is_stored(
    client: httpx2.AsyncClient,
    redis: Redis,
    secret: str,
    wanted: dict[str, Any],
    status: int,
    code: str,
    said: str,
) -> None:
    before = await redis.keys("*")

    answer = await create(client, status, **wanted)

    assert answer["code"] == code
    assert said in answer["detail"]
    assert sorted(await redis.keys("*")) == sorted(before)


async def test_webhooks_are_listed_page_by_page_and_by_workflow(client: httpx2.AsyncClient) -> None:
    for name in ("orders", "others"):
        await client.put(f"/v1/workflows/{name}", json=workflow(node("A")))
        for number in range(3):
            await create(client, workflow=name, path=f"{name}-{number}")
    first = await client.get("/v1/webhooks", params={"limit": 4})
    second = await client.get("/v1/webhooks", params={"limit": 4, "cursor": first.json()["next_cursor"]})
    of_one = await client.get("/v1/webhooks", params={"workflow": "orders"})

    paths = [item["path"] for page in (first, second) for item in page.json()["items"]]
    assert paths == [f"{name}-{number}" for name in ("others", "orders") for number in (2, 1, 0)]
    assert second.json()["next_cursor"] is None
    assert [item["workflow"] for item in of_one.json()["items"]] == ["orders"] * 3
    assert (await client.get("/v1/webhooks", params={"workflow": "none"})).status_code == 404


async def test_paths_of_other_tenants_can_be_neither_taken_nor_found_out(redis_url: str) -> None:
    async with serving(redis_url) as client:
        keys = {}
        for tenant in ("acme", "bolt"):
            made = await client.post("/v1/tenants", json={"name": tenant})
            keys[tenant] = {"X-API-Key": made.json()["api_key"]["key"]}
            await client.put("/v1/workflows/orders", json=workflow(node("A")), headers=keys[tenant])
        await client.put("/v1/workflows/orders", json=workflow(node("A")))
        await create(client, path="orders")
        body = {"workflow": "orders", "scheme": "hub256"}
        theirs = (await client.post("/v1/webhooks", json=body, headers=keys["acme"])).json()

        chosen = [
            await client.post("/v1/webhooks", json=body | {"path": path}, headers=keys["bolt"])
            for path in ("orders", "free", theirs["path"])
        ]
        by_default = await client.post("/v1/webhooks", json=body | {"path": theirs["path"]})
        verbs = [
            await client.request(method, f"/v1/webhooks/{path}{end}", json=sent, headers=keys["bolt"])
            for path in (theirs["path"], "orders", "wh_" + 32 * "0")
            for method, end, sent in (
                ("GET", "", None),
                ("PATCH", "", {"is_active": False}),
                ("DELETE", "", None),
                ("POST", "/rotate", {}),
                ("POST", "/test", {}),
            )
        ]
        listed = await client.get("/v1/webhooks", headers=keys["bolt"])
        delivered = await client.post(
            f"/webhooks/{theirs['path']}", content=BODY, headers=signed(theirs["secret"])
        )
        execution_id = delivered.json()["execution_id"]
        seen = [
            (await client.get(f"/v1/executions/{execution_id}", headers=keys[tenant])).status_code
            for tenant in ("acme", "bolt")
        ]

    assert theirs["path"].startswith("wh_")
    assert len(theirs["path"]) == 35
    # What is free is refused as what is taken is.
    refusals = [{**answer.json(), "request_id": ""} for answer in chosen[:2]]
    assert {answer.status_code for answer in chosen} == {422}
    assert refusals[0] == refusals[1]
    assert by_default.status_code == 422
    assert {answer.status_code for answer in verbs} == {404}
    assert listed.json()["items"] == []
    assert seen == [200, 404]


async def test_refusals_are_shown_to_the_tenant_of_the_webhook_alone(redis_url: str) -> None:
    async with serving(redis_url) as client:
        keys = {}
        for tenant in ("acme", "bolt"):
            made = await client.post("/v1/tenants", json={"name": tenant})
            keys[tenant] = {"X-API-Key": made.json()["api_key"]["key"]}
            await client.put("/v1/workflows/orders", json=workflow(node("A")), headers=keys[tenant])
        body = {"workflow": "orders", "scheme": "hub256"}
        paths = {
            tenant: (await client.post("/v1/webhooks", json=body, headers=keys[tenant])).json()["path"]
            for tenant in keys
        }
        await client.post(f"/webhooks/{paths['acme']}", content=BODY, headers=signed("wrong"))

        theirs = await client.get("/v1/webhooks", headers=keys["acme"])
        ours = await client.get("/v1/webhooks", headers=keys["bolt"])
        foreign = await client.get(f"/v1/webhooks/{paths['acme']}", headers=keys["bolt"])

    assert [each["deliveries"]["rejected_for"] for each in theirs.json()["items"]] == [{"mismatch": 1}]
    assert [each["deliveries"]["rejected_for"] for each in ours.json()["items"]] == [{}]
    assert "mismatch" not in ours.text
    assert foreign.status_code == 404


async def test_a_test_that_is_refused_says_why(redis_url: str) -> None:
    async with serving(redis_url) as client:
        await client.put("/v1/workflows/orders", json=workflow(node("A")))
        await create(client, path="orders", scheme="none")
    async with serving(redis_url, environment="production", auth_required=False) as client:
        refused = await client.post("/v1/webhooks/orders/test")

    assert (refused.status_code, refused.json()["code"]) == (422, "WEBHOOK_INVALID")
    assert "no_secret" in refused.json()["detail"]
    assert "for development only" in refused.json()["detail"]
