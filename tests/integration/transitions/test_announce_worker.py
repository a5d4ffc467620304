"""What a worker says of itself, by two writers in whatever order."""

from __future__ import annotations

from redis.asyncio import Redis

from orchestrator.engine import Engine
from orchestrator.store.script_client import Call


async def test_a_record_that_was_made_earlier_hides_nothing_of_a_later_one(engine: Engine) -> None:
    def record(handlers: str, made: int) -> Call[list[int]]:
        fields = (
            "name", "w", "host", "box", "pid", 1, "handlers", handlers, "queues", "default",
            "slots", 1, "running", 0, "started_ms", 0,
        )  # fmt: skip
        return engine.transitions.announce_worker("w1", ["default"], fields, made=made)

    beat, loaded = record("noop", 1), record("noop mine", 2)
    await loaded
    await beat

    (found,) = await engine.workers.list()
    assert found.handlers == {"noop", "mine"}


async def test_a_queue_is_read_by_the_workers_that_live(engine: Engine, redis: Redis) -> None:
    await redis.xgroup_create("workflow:tasks", engine.keys.group, mkstream=True)
    for name in ("w1", "w2"):
        fields = (
            "name", name, "host", "box", "pid", 1, "handlers", "noop", "queues", "default gpu",
            "slots", 1, "running", 0, "started_ms", 0,
        )  # fmt: skip
        await engine.transitions.announce_worker(name, ["default", "gpu"], fields)
        await redis.xgroup_createconsumer("workflow:tasks", engine.keys.group, name)

    before = {each.queue: each.consumers for each in await engine.queues.list()}
    await redis.delete("workflows:workers:w2")
    after = {each.queue: each.consumers for each in await engine.queues.list()}

    # The other is a consumer of the group still.
    assert (before["default"], before["gpu"], after["default"]) == (2, 2, 1)
