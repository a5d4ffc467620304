"""Streams and budgets of items: each is watched, taken back and counted by itself."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson
import pytest

from orchestrator.definitions.budgets import NOTHING_USED
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.execution_ends import ended
from tests.integration.llm.llm_nodes import tools
from tests.integration.llm.worker_process import LEASE_MS, worker_process
from tests.llm_server import LlmServer, breaks_after, stalls_after
from tests.makers import Rig, WorkerFleet, node, until
from workers.context import RESET, TOKEN

E, N = ExecutionStatus, NodeStatus
AT_ONCE = {"max_attempts": 3, "initial_interval": 0.01, "jitter": "none"}


def questions(count: int, **fields: Any) -> dict[str, Any]:
    """A node `ask` that asks for each of so many items."""
    config = {"prompt": "What about {{ item }}?", "max_tokens": 400}
    items = [f"thing {number}" for number in range(count)]
    mapped = {"items": items, **fields.pop("map", {})}
    return {**node("ask", handler="llm", config=config, retry=AT_ONCE, **fields), "map": mapped}


async def seen(rig: Rig, execution_id: str) -> tuple[dict[int, str], dict[int, int]]:
    """What a watcher holds of each item at the end, and how often it was told to let go of it."""
    held: dict[int, str] = defaultdict(str)
    resets: dict[int, int] = defaultdict(int)
    numbers: dict[int, tuple[int, int]] = {}
    for event in await rig.engine.events.list(execution_id, limit=100_000):
        if event.type not in (TOKEN, RESET):
            continue
        assert event.item is not None
        assert event.node_id == "ask"
        if event.type == RESET:
            held[event.item] = ""
            resets[event.item] += 1
            numbers.pop(event.item, None)
            continue
        piece, attempt = orjson.loads(event.data), event.attempt or 0
        # Numbered without a gap within an attempt, whatever other items stream meanwhile.
        assert numbers.get(event.item, (attempt, 0)) == (attempt, piece["index"])
        numbers[event.item] = (attempt, piece["index"] + 1)
        held[event.item] += piece["text"]
    return dict(held), dict(resets)


async def answers_of(rig: Rig, execution_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(
        (await rig.engine.executions.results(execution_id))["ask"] or b""
    )
    return found


async def test_the_pieces_of_each_item_are_its_answer(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    await fleet.start(tools=tools(server))
    execution_id = await rig.submit(questions(8))
    assert await ended(rig, execution_id) is E.COMPLETED

    held, resets = await seen(rig, execution_id)

    answers = await answers_of(rig, execution_id)
    assert [held[number] for number in range(8)] == [answer["answer"] for answer in answers]
    assert all(f"thing {number}?" in held[number] for number in range(8))
    assert resets == {}


async def test_an_item_that_is_tried_again_takes_back_its_own_stream_only(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    server.acts += [breaks_after(12), breaks_after(12)]
    await fleet.start(tools=tools(server))
    execution_id = await rig.submit(questions(6))
    assert await ended(rig, execution_id) is E.COMPLETED

    held, resets = await seen(rig, execution_id)

    answers = await answers_of(rig, execution_id)
    assert [held[number] for number in range(6)] == [answer["answer"] for answer in answers]
    assert sorted(resets.values()) == [1, 1]


async def test_what_items_use_adds_up_on_their_node(rig: Rig, fleet: WorkerFleet, server: LlmServer) -> None:
    server.acts += [breaks_after(12)]
    await fleet.start(tools=tools(server))
    execution_id = await rig.submit(questions(6), node("last", after=["ask"]))
    assert await ended(rig, execution_id) is E.COMPLETED

    view = await rig.engine.executions.get(execution_id)
    items = (await rig.engine.nodes.items(execution_id, "ask", limit=10)).items

    usage = {state.node_id: state.usage for state in view.nodes}
    assert usage["last"] == NOTHING_USED
    assert usage["ask"] == view.execution.usage == sum((each.state.usage for each in items), NOTHING_USED)
    assert (usage["ask"].calls, usage["ask"].lost_calls) == (7, 1)
    answers = await answers_of(rig, execution_id)
    for name in ("input", "output"):
        assert getattr(usage["ask"], name) == sum(answer["usage"][name] for answer in answers)
    # A broken answer is a call of its item, beside the one that came of it.
    assert sorted(each.state.usage.calls for each in items) == [1, 1, 1, 1, 1, 2]


async def test_items_at_once_never_spend_more_than_the_cap(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    cap = 6_000
    for name in ("one", "two"):
        await fleet.start(name, tools=tools(server), concurrency=50)
    mapped = {"tolerated_failure_percentage": 100}

    execution_id = await rig.submit(questions(100, map=mapped), budget={"max_tokens": cap})
    assert await ended(rig, execution_id) is E.COMPLETED

    used = (await rig.engine.executions.get(execution_id)).execution.usage
    assert 0.7 * cap < used.tokens <= cap
    assert used.tokens == server.charged
    entries = await answers_of(rig, execution_id)
    done = [entry for entry in entries if entry["status"] == "COMPLETED"]
    assert len(done) == used.calls
    assert {entry["error"]["type"] for entry in entries if entry not in done} == {"BudgetExceeded"}


@pytest.mark.long
async def test_an_item_whose_worker_is_killed_is_charged_and_asked_anew(
    rig: Rig, fleet: WorkerFleet, server: LlmServer, redis_url: str
) -> None:
    server.acts += [stalls_after(15)] * 3
    execution_id = await rig.submit(questions(3), budget={"max_tokens": 10_000})

    async def all_stream() -> bool:
        held, _ = await seen(rig, execution_id)
        return len(held) == 3

    with worker_process(redis_url, server) as process:
        await until(all_stream)
        process.kill()
        process.wait()
    await fleet.start(tools=tools(server), lease_ms=LEASE_MS)
    assert await ended(rig, execution_id) is E.COMPLETED

    held, resets = await seen(rig, execution_id)
    answers = await answers_of(rig, execution_id)
    assert [held[number] for number in range(3)] == [answer["answer"] for answer in answers]
    assert resets == {0: 1, 1: 1, 2: 1}
    used = (await rig.engine.executions.get(execution_id)).execution.usage
    assert (used.calls, used.lost_calls) == (6, 3)
    assert server.charged <= used.tokens <= 10_000
