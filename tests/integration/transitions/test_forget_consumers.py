"""Consumers that nobody uses any more are forgotten; one that still owes an answer is not."""

from redis.asyncio import Redis

from orchestrator.store.transitions import Transitions


async def names(redis: Redis) -> set[bytes]:
    return {row["name"] for row in await redis.xinfo_consumers("workflow:tasks", "workflow_group")}


async def test_idle_consumer_without_tasks_is_forgotten(redis: Redis, transitions: Transitions) -> None:
    await redis.xgroup_create("workflow:tasks", "workflow_group", id="0", mkstream=True)
    await redis.xadd(
        "workflow:tasks", {"execution_id": "e", "node_id": "n", "handler": "noop", "attempt": "1"}
    )
    await redis.xreadgroup("workflow_group", "owes", {"workflow:tasks": ">"}, count=1)
    await redis.xgroup_createconsumer("workflow:tasks", "workflow_group", "gone")

    await transitions.forget_consumers("default", idle_ms=60_000)
    assert await names(redis) == {b"owes", b"gone"}

    await transitions.forget_consumers("default", idle_ms=-1)
    assert await names(redis) == {b"owes"}


async def test_queue_that_was_never_used_has_none(redis: Redis, transitions: Transitions) -> None:
    await transitions.forget_consumers("never", idle_ms=0)

    assert await redis.keys() == []
