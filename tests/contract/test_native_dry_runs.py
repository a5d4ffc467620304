"""`PUT /v1/workflows/{name}?dry_run=true` says what the registration then does, and does none of it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from tests.contract.samples import ORDER, YAML
from tests.makers import node, workflow

HOOKED = workflow(node("A"), name="Hooked", triggers={"webhooks": [{"path": "taken", "scheme": "hub256"}]})


async def contents(redis: Redis) -> dict[Any, Any]:
    """Everything that is kept in Redis."""
    return {key: await redis.dump(key) for key in await redis.keys()}


async def both(
    client: httpx2.AsyncClient, redis: Redis, **sent: Any
) -> tuple[httpx2.Response, httpx2.Response]:
    """Send a registration as a dry run, which has to leave all as it is, and then for good."""
    before = await contents(redis)
    dry = await client.put("/v1/workflows/order", params={"dry_run": "true"}, **sent)
    assert await contents(redis) == before
    return dry, await client.put("/v1/workflows/order", **sent)


def gist(answer: httpx2.Response) -> dict[str, Any]:
    """An answer without what is new with each call."""
    changing = {"workflow_id", "created_at", "updated_at", "request_id", "instance"}
    return {name: value for name, value in answer.json().items() if name not in changing}


async def test_each_outcome_is_foreseen(client: httpx2.AsyncClient, redis: Redis) -> None:
    new = {"headers": YAML}
    again = {"headers": {**YAML, "If-Match": "*"}}
    enveloped = {"definition": ORDER, "labels": {"team": "blue"}, "is_active": False}
    paused = {"definition": ORDER, "is_active": True}

    outcomes = []
    for sent in (
        {"content": ORDER, **new},
        {"content": ORDER, **again},
        {"content": "# another text\n" + ORDER, **again},
        {"content": ORDER.replace("paid", "paid at once"), **again},
        {"json": enveloped, "headers": {"If-Match": "*"}},
        {"json": enveloped, "headers": {"If-Match": "*"}},
        {"json": paused, "headers": {"If-Match": "*"}},
    ):
        dry, done = await both(client, redis, **sent)
        assert gist(dry) == gist(done)
        outcomes.append((dry.status_code, dry.json()["outcome"], dry.json()["version"]))

    assert outcomes == [
        (200, "created", 1), (200, "unchanged", 1), (200, "updated", 1), (200, "updated", 2),
        (200, "updated", 3), (200, "unchanged", 3), (200, "updated", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"name": "x", "nodes": [{"id": "A", "handler": "htpp"}]}}, 400),
        ({"json": {"definition": ORDER, "labels": {"a:b": "c"}}}, 422),
        ({"json": HOOKED}, 409),
        ({"json": workflow(node("A")), "headers": {"If-Match": '"wf_x.1"'}}, 412),
    ],
)
async def test_each_refusal_is_foreseen(
    client: httpx2.AsyncClient, redis: Redis, sent: dict[str, Any], status: int
) -> None:
    await client.post("/v1/workflows", json=HOOKED)

    dry, done = await both(client, redis, **sent)

    assert dry.status_code == done.status_code == status
    assert gist(dry) == gist(done)


async def test_what_exists_is_changed_by_if_match_alone_in_a_dry_run_too(
    client: httpx2.AsyncClient, redis: Redis
) -> None:
    await client.put("/v1/workflows/order", json=workflow(node("A")))

    dry, done = await both(client, redis, json=workflow(node("B")))

    assert dry.status_code == done.status_code == 428


async def test_it_warns_of_what_the_registration_warns_of(client: httpx2.AsyncClient, redis: Redis) -> None:
    parent = workflow(node("A", handler="sub_workflow", config={"workflow": "kid"}), name="Parent")

    dry, done = await both(client, redis, json=parent)

    assert [each["code"] for each in dry.json()["warnings"]] == ["unknown_workflow"]
    assert dry.json()["warnings"] == done.json()["warnings"]
