"""What must not be left is found: in keys of the purged, and in lists of another tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.chaos.client import Client
from tests.chaos.rest import strangers
from tests.dags import node, workflow

DOCUMENT = workflow(node("a", handler="record"))


@pytest.fixture
async def own(redis: Redis, redis_url: str) -> AsyncIterator[Client]:
    """A client of two tenants with an execution of `default` that was not started."""
    client = Client(redis_url, seed=1)
    await client.share()
    submitted = await client.engine.executions.submit(DOCUMENT)
    client.accept(submitted.execution_id, "default", DOCUMENT)
    yield client
    await client.aclose()


async def test_where_all_is_well_nothing_is_found(own: Client) -> None:
    assert await strangers(own) == []


async def test_a_row_in_the_list_of_another_tenant_is_found(own: Client) -> None:
    (execution_id,) = own.documents
    await own.redis.zadd("idx:executions:other", {execution_id: 1})

    assert f"idx:executions:other names {execution_id}, which is not of other or is gone" in await strangers(
        own
    )


async def test_a_row_that_is_missing_is_found(own: Client) -> None:
    await own.redis.delete("idx:executions:default")

    assert "default lists 0 executions, it has 1" in await strangers(own)


async def test_a_key_of_a_purged_execution_is_found(own: Client) -> None:
    (execution_id,) = own.documents
    own.purged[execution_id] = await own.read(execution_id)
    await own.engine.executions.purge(execution_id)
    assert await strangers(own) == []

    await own.redis.set(f"workflow:{execution_id}:node:a", "PENDING")
    await own.redis.set("key:default:1", execution_id)

    assert sorted(await strangers(own)) == [
        f"{execution_id} was purged and has left workflow:{execution_id}:node:a",
        f"key:default:1 names {execution_id}, which is not of default or is gone",
    ]
