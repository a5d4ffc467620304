"""A workflow is a list of nodes: each names a handler, which does the work, and the nodes before it.

A runs first, as it depends on nothing. What it returns is its output, which templates in the config of
later nodes may use: `{{ A.data }}`. Submitting a definition stores it; triggering it starts it. Here A
calls a service, B has the answer summarised by a language model, and C sends the summary to a consumer.
"""

from __future__ import annotations

from pathlib import Path

import orjson
from redis.asyncio import Redis

from tests.tour.headrace import Headrace

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LINEAR = orjson.loads((EXAMPLES / "linear.json").read_bytes())


async def test_each_node_works_with_what_the_one_before_gave(headrace: Headrace) -> None:
    execution_id = await headrace.start(LINEAR)

    assert await headrace.ended(execution_id) == "COMPLETED"
    outputs = await headrace.outputs(execution_id)
    assert outputs["A"]["data"] == {"path": "/"}
    # A's answer reached the model, and the model's answer reached the consumer's URL.
    assert "path" in outputs["B"]["answer"]
    assert "Summarize" in outputs["C"]["data"]["path"]


async def test_a_node_starts_when_the_one_before_has_completed(headrace: Headrace) -> None:
    execution_id = await headrace.start(LINEAR)

    await headrace.ended(execution_id)
    assert await headrace.history(execution_id) == [
        "queued A", "started A", "completed A",
        "queued B", "started B", "completed B",
        "queued C", "started C", "completed C",
    ]  # fmt: skip


async def test_what_is_submitted_waits_for_its_trigger(headrace: Headrace) -> None:
    execution_id = (await headrace.post("/workflow", **LINEAR))["execution_id"]
    before = await headrace.show(execution_id)

    await headrace.post(f"/workflow/trigger/{execution_id}")

    assert before["status"] == "PENDING"
    assert await headrace.ended(execution_id) == "COMPLETED"


async def test_an_ended_execution_can_be_read_with_redis_cli(headrace: Headrace, redis: Redis) -> None:
    execution_id = await headrace.start(LINEAR)
    await headrace.ended(execution_id)

    definition = await redis.get(f"workflow:{execution_id}")
    output = await redis.get(f"workflow:{execution_id}:node:A:output")

    assert orjson.loads(definition or b"") == LINEAR
    assert orjson.loads(output or b"")["status"] == "ok"
    assert await redis.get(f"workflow:{execution_id}:status") == b"COMPLETED"
    assert await redis.get(f"workflow:{execution_id}:node:A") == b"COMPLETED"
    assert not await redis.sismember("workflows:active", execution_id)
    assert await redis.xlen("workflow:tasks") == 0
