"""What a worker says of itself, by two writers in whatever order."""

from __future__ import annotations

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
