"""A schedule of each second, while its orchestrators are killed in turn and one is always alive."""

from __future__ import annotations

import asyncio
import time

import orjson
import pytest

from orchestrator.definitions.registry import Source
from orchestrator.documents.times import parse_time_ms
from tests.chaos.client import Client
from tests.chaos.cluster import Cluster
from tests.dags import node, workflow


async def slots_while_struck(
    cluster: Cluster, client: Client, *, for_s: float, strike_every_s: float
) -> list[int]:
    """Let a schedule of each second run; gives the seconds for which executions were started, in order."""
    cluster.start(orchestrators=2, workers=1)
    while len(await client.engine.workers.list()) < 1:
        await asyncio.sleep(0.05)
    document = workflow(node("A"), name="each second")
    source = Source(orjson.dumps(document), "application/json")
    record = (await client.engine.workflows.put("clock", document, source)).record
    await client.engine.schedules.create("clock", {"every": "1s", "overlap_policy": "allow_all"})
    end_s, turn = time.monotonic() + for_s, 0
    while time.monotonic() < end_s:
        await asyncio.sleep(strike_every_s)
        # The older one; the other one has been up for as long as it took to start.
        cluster.strike(cluster.of("orchestrator")[0], "kill" if turn % 2 else "term")
        turn += 1
    await client.engine.schedules.pause("clock")
    slots, cursor = [], None
    while True:
        page = await client.engine.executions.list(limit=200, cursor=cursor, workflow_id=record.workflow_id)
        for execution in page.items:
            view = await client.engine.executions.get(execution.execution_id)
            trigger = orjson.loads(view.trigger or b"{}")
            slots.append(parse_time_ms(trigger["scheduled_time"]) // 1000)
        cursor = page.next_cursor
        if cursor is None:
            return sorted(slots)


def each_second_once(slots: list[int]) -> bool:
    return slots == list(range(slots[0], slots[-1] + 1))


async def test_each_second_fires_once_while_orchestrators_are_killed_in_turn(
    cluster: Cluster, client: Client
) -> None:
    slots = await slots_while_struck(cluster, client, for_s=6.0, strike_every_s=2.0)

    assert len(slots) >= 4
    assert each_second_once(slots)


@pytest.mark.chaos
@pytest.mark.long
async def test_a_minute_of_seconds(cluster: Cluster, client: Client) -> None:
    slots = await slots_while_struck(cluster, client, for_s=60.0, strike_every_s=3.0)

    assert len(slots) >= 55
    assert each_second_once(slots)
