"""Keys of tenants: made once, shown once, rotated, used; and the sessions of browsers that stand for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from config import Settings
from main import create_app
from orchestrator.operations.authentication import SESSION_MS
from tests.makers import Rig
from tests.serving import serving_app

OPERATOR = {"X-API-Key": "the-operators-own-key"}


@pytest.fixture
async def closed(redis_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """An API that asks for keys."""
    settings = Settings(
        redis_url=redis_url,
        auth_required=True,
        operator_key=OPERATOR["X-API-Key"],
        self_registration_enabled=False,
    )
    async with serving_app(create_app(settings)) as made:
        yield made


@pytest.fixture
async def admin(closed: httpx2.AsyncClient) -> dict[str, str]:
    """Headers with the first key of a tenant."""
    answer = await closed.post("/v1/tenants", json={"name": "acme", "title": "Acme Ltd"}, headers=OPERATOR)
    return {"X-API-Key": answer.json()["api_key"]["key"]}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.operations.authentication.FRESH_S", 0.0)


async def test_a_key_is_shown_once_and_kept_as_a_digest(
    closed: httpx2.AsyncClient, admin: dict[str, str], redis: Redis
) -> None:
    made = await closed.post("/v1/keys", json={"name": "ci", "scopes": ["run"]}, headers=admin)
    listed = await closed.get("/v1/keys", headers=admin)

    key = made.json()["key"]
    prefix, key_id, secret = key.split("_", 2)
    assert (prefix, len(key_id), len(secret)) == ("hr", 8, 43)
    assert [row["name"] for row in listed.json()["items"]] == ["first key", "ci"]
    assert secret not in listed.text
    for name in await redis.keys():
        if await redis.type(name) == b"hash":
            assert not any(secret.encode() in value for value in (await redis.hgetall(name)).values())


async def test_equal_requests_make_one_key_and_are_given_the_same(
    closed: httpx2.AsyncClient, admin: dict[str, str]
) -> None:
    headers = admin | {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(closed.post("/v1/keys", json={"name": "ci"}, headers=headers) for _ in range(200))
    )
    other = await closed.post("/v1/keys", json={"name": "another"}, headers=headers)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["key"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 199
    assert (
        await closed.get("/v1/identity", headers={"X-API-Key": answers[0].json()["key"]})
    ).status_code == 200
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")


async def test_equal_requests_register_one_tenant_with_one_key(closed: httpx2.AsyncClient) -> None:
    headers = OPERATOR | {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(closed.post("/v1/tenants", json={"name": "bolt"}, headers=headers) for _ in range(200))
    )
    again = await closed.post("/v1/tenants", json={"name": "bolt"}, headers=OPERATOR)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["api_key"]["key"] for answer in answers}) == 1
    assert (again.status_code, again.json()["code"]) == (409, "TENANT_EXISTS")


@pytest.mark.parametrize("name", ["", "Acme", "-a", "a-", "a_b", "a" * 41, "default ", "my-secret"])
async def test_a_name_that_no_tenant_can_have_is_refused(closed: httpx2.AsyncClient, name: str) -> None:
    answer = await closed.post("/v1/tenants", json={"name": name}, headers=OPERATOR)

    assert answer.status_code == 422
    assert "1 to 40 of a-z 0-9" in answer.json()["detail"]


async def test_a_rotated_key_goes_on_for_its_overlap(
    closed: httpx2.AsyncClient, admin: dict[str, str]
) -> None:
    old = (await closed.post("/v1/keys", json={"name": "ci", "scopes": ["read"]}, headers=admin)).json()
    beside = await closed.post(f"/v1/keys/{old['key_id']}/rotate", headers=admin)
    at_once = await closed.post(
        f"/v1/keys/{beside.json()['key_id']}/rotate", json={"overlap": 0}, headers=admin
    )

    async def status(key: str) -> int:
        return (await closed.get("/v1/identity", headers={"X-API-Key": key})).status_code

    assert (beside.json()["name"], beside.json()["scopes"]) == ("ci", ["read"])
    assert [await status(each["key"]) for each in (old, beside.json(), at_once.json())] == [200, 401, 200]
    listed = (await closed.get("/v1/keys", headers=admin)).json()["items"]
    assert {row["key_id"]: row["expires_at"] is None for row in listed if row["name"] == "ci"} == {
        old["key_id"]: False,
        at_once.json()["key_id"]: True,
    }


async def test_a_key_that_has_expired_opens_nothing(
    closed: httpx2.AsyncClient, admin: dict[str, str], redis: Redis
) -> None:
    made = await closed.post("/v1/keys", json={"name": "short", "expires_in": "1h"}, headers=admin)
    await redis.hset(f"workflows:api_key:{made.json()['key_id']}", "expires_ms", 1)

    answer = await closed.get("/v1/identity", headers={"X-API-Key": made.json()["key"]})

    assert answer.status_code == 401


async def test_the_last_use_is_noted_to_the_minute(
    closed: httpx2.AsyncClient, admin: dict[str, str], rig: Rig
) -> None:
    await closed.get("/v1/identity", headers=admin)

    for _ in range(100):
        (row,) = (await closed.get("/v1/keys", headers=admin)).json()["items"]
        if row["last_used_at"]:
            break
    assert row["last_used_at"].endswith(":00.000Z")


async def test_keys_of_a_disabled_tenant_open_nothing_until_it_is_enabled(
    closed: httpx2.AsyncClient, admin: dict[str, str]
) -> None:
    async def answers(is_active: bool) -> tuple[int, str]:
        await closed.patch("/v1/tenants/acme", json={"is_active": is_active}, headers=OPERATOR)
        found = await closed.get("/v1/identity", headers=admin)
        return found.status_code, found.json().get("code", "")

    assert await answers(False) == (403, "TENANT_DISABLED")
    assert await answers(True) == (200, "")
    assert (await closed.get("/v1/tenants/acme", headers=OPERATOR)).json()["title"] == "Acme Ltd"


async def test_a_tenant_has_a_hundred_keys_at_most(closed: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    for _ in range(99):
        assert (await closed.post("/v1/keys", json={"name": "k"}, headers=admin)).status_code == 201

    refused = await closed.post("/v1/keys", json={"name": "k"}, headers=admin)

    assert (refused.status_code, refused.json()["code"]) == (409, "TOO_MANY_API_KEYS")


async def test_a_session_stands_for_its_key_and_ends_with_it(
    closed: httpx2.AsyncClient, admin: dict[str, str], redis: Redis
) -> None:
    made = (await closed.post("/v1/keys", json={"name": "page", "scopes": ["read"]}, headers=admin)).json()
    opened = await closed.post("/ui/session", json={"key": made["key"]})
    cookie = opened.headers["Set-Cookie"]
    closed.cookies.clear()
    headers = {"Cookie": cookie.partition(";")[0]}

    identity = (await closed.get("/v1/identity", headers=headers)).json()
    (name,) = await redis.keys("workflows:session:*")
    lasts_ms = await redis.pttl(name)
    await closed.delete(f"/v1/keys/{made['key_id']}", headers=admin)
    after = await closed.get("/v1/identity", headers=headers)

    assert opened.status_code == 204
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert (identity["tenant"], identity["scopes"], identity["key_id"]) == ("acme", ["read"], made["key_id"])
    assert 0 < lasts_ms <= SESSION_MS
    assert after.status_code == 401


async def test_a_session_is_closed(closed: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    for key in (admin["X-API-Key"], OPERATOR["X-API-Key"]):
        opened = await closed.post("/ui/session", json={"key": key})
        closed.cookies.clear()
        headers = {"Cookie": opened.headers["Set-Cookie"].partition(";")[0]}
        path = "/v1/workers" if key == OPERATOR["X-API-Key"] else "/v1/keys"

        assert (await closed.get(path, headers=headers)).status_code == 200
        assert (await closed.delete("/ui/session", headers=headers)).status_code == 204
        assert (await closed.get(path, headers=headers)).status_code == 401


async def test_no_session_opens_with_a_bad_key(closed: httpx2.AsyncClient) -> None:
    answer = await closed.post("/ui/session", json={"key": "nonsense"})

    assert (answer.status_code, answer.json()["code"]) == (401, "API_KEY_INVALID")
    assert "Set-Cookie" not in answer.headers


async def test_a_foreign_page_changes_nothing_with_a_session(
    closed: httpx2.AsyncClient, admin: dict[str, str]
) -> None:
    opened = await closed.post("/ui/session", json={"key": admin["X-API-Key"]})
    closed.cookies.clear()
    headers = {"Cookie": opened.headers["Set-Cookie"].partition(";")[0], "Origin": "https://evil.example"}

    answer = await closed.post("/v1/keys", json={"name": "stolen"}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "CROSS_SITE_REQUEST")


@pytest.mark.parametrize(
    "body",
    [{"name": "a\nb"}, {"name": " "}, {"name": "k", "expires_in": 0}, {"name": "k", "scopes": ["all"]}],
)
async def test_a_key_that_would_be_of_no_use_is_refused(
    closed: httpx2.AsyncClient, admin: dict[str, str], body: dict[str, Any]
) -> None:
    answer = await closed.post("/v1/keys", json=body, headers=admin)

    assert answer.status_code == 422
    assert len((await closed.get("/v1/keys", headers=admin)).json()["items"]) == 1


async def test_a_rotated_key_that_is_rotated_again_gives_one_that_lasts_as_long(
    closed: httpx2.AsyncClient, admin: dict[str, str]
) -> None:
    old = (await closed.post("/v1/keys", json={"name": "ci"}, headers=admin)).json()

    for _ in range(2):
        newer = await closed.post(f"/v1/keys/{old['key_id']}/rotate", headers=admin)
        assert newer.json()["expires_at"] is None


async def test_a_stranger_is_never_shown_the_key_of_another(redis_url: str) -> None:
    """Whoever guesses name and Idempotency-Key of a registration gets nothing."""
    settings = Settings(redis_url=redis_url, environment="production", self_registration_enabled=True)
    async with serving_app(create_app(settings)) as stranger:
        headers = {"Idempotency-Key": "register-1"}
        first = await stranger.post("/v1/tenants", json={"name": "victim"}, headers=headers)
        again = await stranger.post("/v1/tenants", json={"name": "victim"}, headers=headers)

    assert first.json()["api_key"]["key"]
    assert (again.status_code, again.json()["code"]) == (409, "TENANT_EXISTS")


async def test_strangers_of_one_address_register_so_many_tenants_a_minute(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first request of a test may be the last of its minute.
    monkeypatch.setattr("api.rate_limits.WINDOW_MS", 10**12)
    settings = Settings(
        redis_url=redis_url,
        environment="production",
        operator_key=OPERATOR["X-API-Key"],
        self_registration_enabled=True,
        rate_limit_register=2,
    )
    async with serving_app(create_app(settings)) as client:
        answers = [await client.post("/v1/tenants", json={"name": f"t{number}"}) for number in range(3)]
        key = {"X-API-Key": answers[0].json()["api_key"]["key"]}
        of_a_tenant = await client.post("/v1/tenants", json={"name": "t4"}, headers=key)
        of_the_operator = [
            await client.post("/v1/tenants", json={"name": f"o{number}"}, headers=OPERATOR)
            for number in range(3)
        ]
        missing = await client.get("/v1/tenants/t2", headers=OPERATOR)

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    refused = answers[2]
    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.json()["code"], of_a_tenant.status_code) == ("RATE_LIMITED", 429)
    assert int(refused.headers["retry-after"]) > 0
    assert [answer.status_code for answer in of_the_operator] == [201] * 3
    assert "x-ratelimit-limit" not in of_the_operator[0].headers
    assert missing.status_code == 404


async def test_a_key_that_was_just_revoked_makes_no_other(
    closed: httpx2.AsyncClient, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.operations.authentication.FRESH_S", 60.0)
    made = (await closed.post("/v1/keys", json={"name": "a", "scopes": ["admin"]}, headers=admin)).json()
    mine = {"X-API-Key": made["key"]}
    assert (await closed.get("/v1/executions", headers=mine)).status_code == 200
    await closed.delete(f"/v1/keys/{made['key_id']}", headers=admin)

    answer = await closed.post("/v1/keys", json={"name": "immortal"}, headers=mine)

    assert (answer.status_code, answer.json()["code"]) == (401, "API_KEY_INVALID")


async def test_a_request_whose_key_was_revoked_while_its_body_came_has_no_effect(
    closed: httpx2.AsyncClient, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.admission.FRESH_S", 0.0)
    made = (await closed.post("/v1/keys", json={"name": "a", "scopes": ["run"]}, headers=admin)).json()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"definition": {"name": "x", "nodes": [{"id": "A", '
        await closed.delete(f"/v1/keys/{made['key_id']}", headers=admin)
        yield b'"handler": "noop"}]}, "trigger": true}'

    answer = await closed.post("/v1/executions", content=slowly(), headers={"X-API-Key": made["key"]})

    assert answer.status_code == 401
    assert (await closed.get("/v1/executions", headers=admin)).json()["items"] == []


@pytest.mark.parametrize(
    "others",
    ['x={"a":1}; ', "b@d[]=1; ", 'quoted="' + "\\0" * 20_000 + '"; ', "headrace_session_2=x; "],
    ids=["json", "brackets", "quoted", "alike"],
)
async def test_cookies_of_others_are_passed_over(
    closed: httpx2.AsyncClient, admin: dict[str, str], others: str
) -> None:
    opened = await closed.post("/ui/session", json={"key": admin["X-API-Key"]})
    closed.cookies.clear()
    mine = opened.headers["Set-Cookie"].partition(";")[0]

    served = await closed.get("/v1/identity", headers={"Cookie": others + mine})
    two = await closed.get("/v1/identity", headers={"Cookie": f"{mine}; headrace_session={'A' * 43}"})

    assert served.status_code == 200
    assert two.status_code == 401
