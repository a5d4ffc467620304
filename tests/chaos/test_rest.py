"""What must not be left is found: in keys of the purged, and in lists of another tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.chaos.client import Client
from tests.chaos.collected import read
from tests.chaos.rest import left_behind, strangers
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
    own.purged[execution_id] = await read(own, execution_id)
    await own.engine.executions.purge(execution_id)
    assert await strangers(own) == []

    await own.redis.set(f"workflow:{execution_id}:node:a", "PENDING")
    await own.redis.set("key:default:1", execution_id)

    assert sorted(await strangers(own)) == [
        f"{execution_id} was purged and has left workflow:{execution_id}:node:a",
        f"key:default:1 names {execution_id}, which is not of default or is gone",
    ]


async def test_a_key_of_an_execution_that_its_retention_has_purged_is_found(own: Client) -> None:
    own.accept("brief", "default", DOCUMENT | {"retention": "8s"})
    assert await strangers(own) == []

    await own.redis.set("workflow:brief:status", "COMPLETED")
    await own.redis.hset("workflows:delivery:brief.1.0", "state", "pending")
    await own.redis.zadd("idx:deliveries:default", {"brief.1.0": 1})

    assert sorted(await strangers(own)) == [
        "brief was purged and has left workflow:brief:status",
        "brief was purged and has left workflows:delivery:brief.1.0",
        "idx:deliveries:default names brief, which is not of default or is gone",
    ]


async def test_what_is_still_due_is_found(own: Client) -> None:
    await own.redis.xgroup_create("workflow:tasks", "workflow_group", id="0", mkstream=True)
    await own.redis.zadd("workflows:deliveries_due", {"x.1.0": 1})
    await own.redis.zadd("workflows:schedules", {"default sch": 1})

    found = await left_behind(own)

    assert "at rest, workflows:deliveries_due holds [b'x.1.0']" in found
    assert "at rest, workflows:schedules holds [b'default sch']" in found
