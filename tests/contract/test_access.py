"""Whose every route is: played with no key, a bad key, too small a scope and another tenant's key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from redis.asyncio import Redis

from api.access import Reach
from api.dialects import DIALECTS
from api.owners import OWNERS, RouteOwner, owner_of
from config import Settings
from main import create_app
from tests.contract.calls import A_KEY, STREAMS
from tests.contract.house import OPERATIONS, House, built
from tests.contract.two_tenants import CLOSED, OPERATOR_KEY
from tests.makers import until
from tests.patience import PATIENCE_S
from tests.serving import serving_app

SMALLER = {RouteOwner.RUN: "read", RouteOwner.ADMIN: "run"}
TENANTS = [
    name for name in OPERATIONS if owner_of(name) in (RouteOwner.READ, RouteOwner.RUN, RouteOwner.ADMIN)
]
OPERATORS = [name for name in OPERATIONS if owner_of(name) in (RouteOwner.OPERATOR, RouteOwner.REGISTRATION)]
#: Routes that name something of a tenant, so that another tenant's key must find nothing.
#: but the one that gives a name of the tenant's own.
NAMING = [name for name in TENANTS if "{" in OPERATIONS[name][1] and name != "workflows_put"]


@pytest.fixture
async def house(redis_url: str) -> AsyncIterator[House]:
    async with built(redis_url) as made:
        yield made


def test_every_route_has_an_owner_and_every_owner_a_route() -> None:
    app: FastAPI = create_app(Settings(_env_file=None))
    found = {
        route.operation_id
        for included in app.routes
        for route in getattr(getattr(included, "original_router", None), "routes", [included])
        if isinstance(route, APIRoute)
    }

    assert found == set(OWNERS).union(*(dialect.owners for dialect in DIALECTS))


async def test_without_a_key_and_with_a_bad_one_no_route_opens(house: House) -> None:
    for operation in (*TENANTS, *OPERATORS):
        for key in (None, A_KEY, "", "nonsense", house.keys["acme"][:-1]):
            answer = await house.call(operation, key)

            assert answer.status_code == 401, (operation, key, answer.text)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.json()["code"] == ("KEY_REQUIRED" if key is None else "API_KEY_INVALID")


async def test_too_small_a_scope_is_named(house: House) -> None:
    for operation in TENANTS:
        needed = owner_of(operation)
        if needed not in SMALLER:
            continue

        answer = await house.call(operation, house.keys[SMALLER[needed]])

        assert (answer.status_code, answer.json()["code"]) == (403, "SCOPE_MISSING"), operation
        assert answer.json()["scope"] == str(needed)


async def test_what_is_anothers_is_unknown(house: House) -> None:
    nowhere = {
        "execution_id": "01900000-0000-7000-8000-000000000000",
        "key_id": "aaaaaaaa",
        "entry_id": "9-9",
        "workflow": "unknown",
        "schedule": "unknown",
        "path": "wh_" + 32 * "0",
    }
    for operation in NAMING:
        foreign = await house.call(operation, house.keys["bolt"])
        unknown = await house.call(operation, house.keys["bolt"], sent=None, **nowhere)

        assert foreign.status_code == unknown.status_code == 404, (operation, foreign.text)
        assert foreign.json()["code"] == unknown.json()["code"]


async def test_the_owner_passes(house: House) -> None:
    for operation in TENANTS:
        if operation not in STREAMS:
            answer = await house.call(operation, house.keys["acme"])

            assert answer.status_code not in (401, 403), (operation, answer.text)


async def test_only_the_operators_key_opens_what_is_the_operators(house: House) -> None:
    for operation in OPERATORS:
        refused = await house.call(operation, house.keys["acme"])
        let_in = await house.call(operation, OPERATOR_KEY)

        assert (refused.status_code, refused.json()["code"]) == (403, "OPERATOR_ONLY"), operation
        assert let_in.status_code not in (401, 403), (operation, let_in.text)


async def test_a_name_is_free_where_another_tenant_has_it(house: House) -> None:
    theirs = await house.call("workflows_put", house.keys["bolt"])
    mine = await house.call("workflows_get", house.keys["acme"])

    assert theirs.status_code == 201
    assert theirs.json()["workflow_id"] != mine.json()["workflow_id"]


async def test_the_operators_key_is_no_tenants(house: House) -> None:
    answer = await house.call("executions_list", OPERATOR_KEY)

    assert (answer.status_code, answer.json()["code"]) == (403, "SCOPE_MISSING")


async def test_lists_and_counts_show_nothing_of_others(house: House) -> None:
    for operation in (
        "executions_list",
        "approvals_list",
        "dead_list",
        "workflows_list",
        "deliveries_list",
    ):
        answer = await house.call(operation, house.keys["bolt"])
        assert answer.json()["items"] == []
    mine = await house.call("executions_list", house.keys["acme"])

    assert house.names["execution_id"] in [row["execution_id"] for row in mine.json()["items"]]


async def test_details_of_readiness_are_the_operators(house: House) -> None:
    plain = await house.client.get("/readyz")
    refused = await house.client.get("/readyz?verbose")
    told = await house.client.get("/readyz?verbose", headers={"X-API-Key": OPERATOR_KEY})

    assert (plain.status_code, refused.status_code, told.status_code) == (200, 401, 200)


async def test_in_production_without_an_operators_key_nothing_of_the_operators_opens(redis_url: str) -> None:
    settings = Settings(redis_url=redis_url, environment="production", _env_file=None)
    async with serving_app(create_app(settings)) as client:
        workers = await client.get("/v1/workers")
        tenants = await client.post("/v1/tenants", json={"name": "acme"})
        mine = await client.get("/v1/executions")

    assert (workers.status_code, workers.json()["code"]) == (403, "OPERATOR_ONLY")
    assert "OPERATOR_KEY" in workers.json()["detail"]
    assert tenants.status_code == 403
    assert (mine.status_code, mine.json()["code"]) == (401, "KEY_REQUIRED")


async def test_in_development_a_request_without_a_key_is_default_and_the_operator(
    client: httpx2.AsyncClient,
) -> None:
    identity = (await client.get("/v1/identity")).json()
    bad = await client.get("/v1/identity", headers={"Authorization": "Bearer nonsense"})

    assert identity == {
        "tenant": "default", "scopes": ["read", "run", "admin"], "key_id": None, "is_operator": True,
    }  # fmt: skip
    assert bad.status_code == 401  # a key that is sent is always checked
    assert (await client.get("/v1/workers")).status_code == 200


async def test_what_is_foreign_is_asked_for_as_what_is_unknown_is(
    house: House, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same questions to Redis, so that the time of an answer tells nothing."""
    # Keys are read each time: the commands of each call are all of them.
    monkeypatch.setattr("orchestrator.operations.authentication.FRESH_S", 0.0)
    unknown = {"execution_id": "01900000-0000-7000-8000-000000000000"}
    for operation in (name for name in NAMING if "{execution_id}" in OPERATIONS[name][1]):
        # Before the first call a process connects, and takes note of the key's use.
        await house.call(operation, house.keys["bolt"])
        foreign = await commands_of(redis, house.call(operation, house.keys["bolt"]))
        missing = await commands_of(redis, house.call(operation, house.keys["bolt"], sent=None, **unknown))

        assert foreign == missing, operation


async def commands_of(redis: Redis, call: Awaitable[httpx2.Response]) -> dict[str, int]:
    """Count the commands that a call sends."""
    await redis.config_resetstat()
    await call
    stats = await redis.info("commandstats")
    return {
        name: row["calls"] for name, row in stats.items() if not re.search("config|client|hello|info", name)
    }


async def test_a_revoked_key_opens_nothing_in_any_process_and_its_streams_end(
    house: House, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Half a second each: what a process has read of a key, and the look at the keys of open streams.
    monkeypatch.setattr("orchestrator.operations.authentication.FRESH_S", 0.0)
    monkeypatch.setattr("api.streaming.hub.CREDENTIALS_EVERY_S", 0.01)
    other = create_app(Settings(redis_url=redis_url, **CLOSED))
    path = f"/v1/executions/{house.names['execution_id']}/events"
    async with other.router.lifespan_context(other):
        stream = asyncio.ensure_future(read_whole(other, path, {"X-API-Key": house.keys["run"]}))
        await until(lambda: has_watchers(other))

        revoked = await house.call("keys_revoke", house.keys["acme"])

        assert revoked.status_code == 204
        assert "execution.started" in await asyncio.wait_for(stream, PATIENCE_S)
    after = await house.client.get(path, headers={"X-API-Key": house.keys["run"]})
    assert (after.status_code, after.json()["code"]) == (401, "API_KEY_INVALID")


async def test_a_closed_session_ends_its_streams(
    house: House, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.streaming.hub.CREDENTIALS_EVERY_S", 0.01)
    opened = await house.client.post("/ui/session", json={"key": house.keys["run"]})
    house.client.cookies.clear()
    cookie = {"Cookie": opened.headers["Set-Cookie"].partition(";")[0]}
    other = create_app(Settings(redis_url=redis_url, **CLOSED))
    path = f"/v1/executions/{house.names['execution_id']}/events"
    async with other.router.lifespan_context(other):
        stream = asyncio.ensure_future(read_whole(other, path, cookie))
        await until(lambda: has_watchers(other))

        await house.client.delete("/ui/session", headers=cookie)

        # How much of the history was sent by then does not matter.
        assert (await asyncio.wait_for(stream, PATIENCE_S)).startswith("retry: ")


async def has_watchers(app: FastAPI) -> bool:
    return bool(reach_in(app).hub.watchers)


def reach_in(app: FastAPI) -> Reach:
    reach = app.state.reach
    assert isinstance(reach, Reach)
    return reach


async def read_whole(app: FastAPI, path: str, headers: dict[str, str]) -> str:
    transport: Any = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://headrace") as client:
        return (await client.get(path, headers=headers, timeout=10)).text
