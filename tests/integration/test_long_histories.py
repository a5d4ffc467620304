"""Histories are read in portions that fit into memory, and no reader misses what is in the next one."""

from __future__ import annotations

import asyncio
import json

import httpx2

from orchestrator.operations.events import is_cut
from orchestrator.store.histories import FIRST, MOST_BYTES
from tests.makers import Rig, node
from tests.patience import PATIENCE_S

LARGE = b'{"value":"%s"}' % (b"x" * 256_000)


async def emitting(rig: Rig, count: int, data: bytes) -> str:
    """An execution with so many typed events in its history."""
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    for number in range(1, count + 1):
        await rig.transitions.report_events(held, [(number, "node.event", data)])
    return execution_id


async def test_small_events_are_read_up_to_the_limit(rig: Rig) -> None:
    execution_id = await emitting(rig, 3 * FIRST, b"{}")

    whole = await rig.engine.events.list(execution_id, limit=1_000)
    some = await rig.engine.events.list(execution_id, after=2, limit=FIRST + 5)

    assert [event.seq for event in whole] == list(range(1, len(whole) + 1))
    assert len(whole) > 3 * FIRST
    assert [event.seq for event in some] == list(range(3, FIRST + 8))
    assert not is_cut(list(whole))


async def test_large_events_come_in_portions(rig: Rig) -> None:
    execution_id = await emitting(rig, 3 * FIRST, LARGE)
    sizes, after = [], 0

    while events := list(await rig.engine.events.list(execution_id, after=after, limit=1_000)):
        assert events[0].seq == after + 1
        sizes.append(sum(len(event.data) for event in events))
        after = events[-1].seq

    assert len(sizes) >= 3
    assert max(sizes) <= MOST_BYTES + FIRST * len(LARGE)


async def test_a_watcher_gets_all_of_a_history_of_large_events(rig: Rig, client: httpx2.AsyncClient) -> None:
    execution_id = await emitting(rig, 2 * FIRST, LARGE)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="r")
    path = f"/v1/executions/{execution_id}/events"

    async with asyncio.timeout(PATIENCE_S):
        answer = await client.get(path, headers={"Accept": "application/x-ndjson"})

    seqs = [json.loads(line)["seq"] for line in answer.text.splitlines()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) > 2 * FIRST
