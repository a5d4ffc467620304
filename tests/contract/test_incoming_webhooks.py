"""`POST /webhooks/{path}` as a sender meets it."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from redis.asyncio import Redis

from tests.contract.webhooks_over_http import BODY, PATH, create, create_orders, serving, signed
from tests.makers import node, workflow


@pytest.fixture
async def secret(client: httpx2.AsyncClient) -> str:
    return await create_orders(client)


async def test_five_hundred_equal_deliveries_get_one_answer(
    client: httpx2.AsyncClient, redis: Redis, secret: str
) -> None:
    headers = signed(secret, "d1")

    answers = await asyncio.gather(*(client.post(PATH, content=BODY, headers=headers) for _ in range(500)))

    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}
    assert answers[0].json().keys() == {"execution_id"}
    listed = (await client.get("/v1/executions")).json()["items"]
    assert [row["execution_id"] for row in listed] == [answers[0].json()["execution_id"]]
    counts = (await client.get("/v1/webhooks/orders")).json()["deliveries"]
    assert (counts["accepted"], counts["duplicate"], counts["rejected"]) == (500, 499, 0)


async def test_ten_equal_bodies_without_an_id_are_ten_executions(
    client: httpx2.AsyncClient, secret: str
) -> None:
    answers = await asyncio.gather(
        *(client.post(PATH, content=BODY, headers=signed(secret)) for _ in range(10))
    )

    assert len({answer.json()["execution_id"] for answer in answers}) == 10


async def test_what_is_bad_or_missing_is_401_in_both_shapes_of_an_error(
    client: httpx2.AsyncClient, secret: str
) -> None:
    for headers in ({}, signed("wrong"), {"X-Hub-Signature-256": "sha256=x"}, {"X-API-Key": "nonsense"}):
        answer = await client.post(PATH, content=BODY, headers=headers)

        assert answer.status_code == 401
        told = answer.json()
        assert told["code"] == told["error"]["code"] == "INVALID_SIGNATURE"
        assert told["detail"] == told["error"]["message"]
        assert told["error"]["details"] == []
        assert answer.headers["WWW-Authenticate"].startswith("Signature")
    assert (await client.get("/v1/executions")).json()["items"] == []


@pytest.mark.parametrize(
    ("path", "method", "body", "status", "code"),
    [
        ("/webhooks/none", "POST", BODY, 404, "NOT_FOUND"),
        ("/webhooks/a/b", "POST", BODY, 404, "NOT_FOUND"),
        ("/webhooks/%00", "POST", BODY, 404, "NOT_FOUND"),
        (PATH, "GET", b"", 405, "METHOD_NOT_ALLOWED"),
        (PATH, "POST", b"x" * (1024 * 1024 + 1), 413, "BODY_TOO_LARGE"),
        (PATH, "POST", b'"' + b"x" * 300_000 + b'"', 413, "PAYLOAD_TOO_LARGE"),
    ],
)
async def test_every_failure_of_a_delivery_has_detail_and_error(
    client: httpx2.AsyncClient, secret: str, path: str, method: str, body: bytes, status: int, code: str
) -> None:
    answer = await client.request(method, path, content=body, headers=signed(secret, body=body))

    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == {"code": code, "message": answer.json()["detail"], "details": []}


async def test_a_body_may_be_called_anything_and_the_query_is_the_senders(
    client: httpx2.AsyncClient, secret: str
) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "nonsense"):
        headers = signed(secret) | {"Content-Type": content_type}
        answer = await client.post(f"{PATH}?a=1&a=2&b=", content=BODY, headers=headers)

        assert answer.status_code == 202, answer.text
    view = (await client.get(f"/v1/executions/{answer.json()['execution_id']}")).json()
    assert view["trigger"]["query"] == {"a": "2", "b": ""}
    assert view["trigger"]["payload"] == {"order": 7}


async def test_secrets_are_rotated_without_a_lost_delivery(client: httpx2.AsyncClient, secret: str) -> None:
    """Senders go on with the secret that they have, and change over one after the other."""
    newest = [secret]
    answers: list[httpx2.Response] = []
    is_over = False

    async def send(name: int, known: str) -> None:
        count = 0
        while not is_over:
            count += 1
            headers = signed(known, f"{name}-{count}")
            answers.append(await client.post(PATH, content=BODY, headers=headers))
            known = newest[-1] if count % 3 == 0 and name % 2 else known

    senders = [asyncio.ensure_future(send(name, secret)) for name in range(6)]
    for _ in range(3):
        done = await client.post("/v1/webhooks/orders/rotate", json={"keep": "1h"})
        assert done.status_code == 200, done.text
        newest.append(done.json()["secret"])
        for _ in range(20):
            await asyncio.sleep(0)
    crowded = await client.post("/v1/webhooks/orders/rotate")
    is_over = True
    await asyncio.gather(*senders)

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["execution_id"] for answer in answers}) == len(answers) > 6
    assert (crowded.status_code, crowded.json()["code"]) == (409, "TOO_MANY_SECRETS")
    for each in newest:
        assert (await client.post(PATH, content=BODY, headers=signed(each))).status_code == 202
    ended = await client.post("/v1/webhooks/orders/rotate", json={"keep": 0, "secret": "the last one"})
    assert ended.json()["secret"] is None
    for each in newest:
        assert (await client.post(PATH, content=BODY, headers=signed(each))).status_code == 401
    assert (await client.post(PATH, content=BODY, headers=signed("the last one"))).status_code == 202


async def test_a_key_in_authorization_is_a_token_here_and_no_api_key(client: httpx2.AsyncClient) -> None:
    await client.put("/v1/workflows/orders", json=workflow(node("A")))
    await create(client, path="orders", scheme="header_token", header="Authorization", secrets=["s3cret"])

    for value, status in (("Bearer s3cret", 202), ("s3cret", 202), ("Bearer hr_x", 401)):
        answer = await client.post(PATH, content=BODY, headers={"Authorization": value})
        assert answer.status_code == status, answer.text


async def test_without_a_scheme_only_in_development(redis_url: str) -> None:
    async with serving(redis_url) as client:
        await client.put("/v1/workflows/orders", json=workflow(node("A")))
        await create(client, path="orders", scheme="none")
        assert (await client.post(PATH, content=BODY)).status_code == 202
    settings = {"environment": "production", "auth_required": False}
    async with serving(redis_url, **settings) as client:
        refused = await create(client, 422, scheme="none", path="more")
        # What was made in development opens nothing in production.
        closed = await client.post(PATH, content=BODY)

    assert "in development only" in refused["detail"]
    assert closed.status_code == 401


async def test_a_full_store_asks_for_the_delivery_later_and_takes_it_then(
    client: httpx2.AsyncClient, redis: Redis, secret: str
) -> None:
    await redis.config_set("maxmemory", "1mb")
    full = await client.post(PATH, content=BODY, headers=signed(secret, "d1"))
    refused = await client.post(PATH, content=BODY, headers=signed("wrong", "d1"))
    await redis.config_set("maxmemory", "0")

    later = await client.post(PATH, content=BODY, headers=signed(secret, "d1"))

    assert (full.status_code, full.json()["error"]["code"]) == (503, "STORE_FULL")
    assert int(full.headers["Retry-After"]) > 0
    assert refused.status_code == 401
    assert later.status_code == 202
    counts = (await client.get("/v1/webhooks/orders")).json()["deliveries"]
    assert (counts["accepted"], counts["duplicate"], counts["rejected"]) == (1, 0, 1)


async def test_the_owner_sees_what_deliveries_were_refused_for_and_the_sender_does_not(
    client: httpx2.AsyncClient, secret: str
) -> None:
    assert (await client.post(PATH, content=BODY, headers=signed(secret))).status_code == 202
    refused = [
        await client.post(PATH, content=BODY, headers=headers)
        for headers in (
            signed("wrong"),
            {},
            {"X-Hub-Signature-256": "sha256=x"},
            signed("wrong") | {"X-GitHub-Event": "the-header-of-a-stranger"},
        )
    ]

    shown = await client.get("/v1/webhooks/orders")
    (listed,) = (await client.get("/v1/webhooks")).json()["items"]
    counts = shown.json()["deliveries"]

    assert counts == listed["deliveries"]
    assert counts["rejected"] == 4
    assert counts["rejected_for"] == {"missing": 1, "malformed": 1, "mismatch": 2}
    assert counts["last_rejected"]["reason"] == "mismatch"
    assert "none of its secrets" in counts["last_rejected"]["detail"]
    assert counts["last_accepted_at"] <= counts["last_rejected"]["at"] == counts["last_at"]
    said = [each.json() | {"request_id": ""} for each in refused]
    assert said == [said[0]] * 4
    assert not [each for each in refused for reason in counts["rejected_for"] if reason in each.headers]
    assert "stranger" not in shown.text


async def test_a_page_of_another_site_delivers_nothing(client: httpx2.AsyncClient, secret: str) -> None:
    headers = signed(secret) | {"Origin": "https://evil.example", "Content-Type": "text/plain"}

    answer = await client.post(PATH, content=BODY, headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "CROSS_SITE_REQUEST")
