"""With no orchestrator alive the workers keep time themselves: for retries, delays and lost workers."""

from __future__ import annotations

import asyncio
import time
from random import Random

import pytest

from tests.chaos.checker import judge
from tests.chaos.client import Client
from tests.chaos.cluster import Cluster, until
from tests.chaos.collected import collect
from tests.chaos.history import History, read_calls
from tests.chaos.rest import left_behind
from tests.chaos.workload import chain, delay, retry
from tests.dags import node, workflow


async def go_on_without(cluster: Cluster, client: Client, *, for_s: float) -> History:
    """Kill the only orchestrator and submit for a while; everything must end with none alive."""
    cluster.start(orchestrators=1, workers=2)
    while len(await client.engine.workers.list()) < 2:
        await asyncio.sleep(0.05)
    orchestrator = cluster.of("orchestrator")[0]
    orchestrator.process.kill()
    cluster.members.remove(orchestrator)
    cluster.unready.append(orchestrator)
    dice = Random(1)
    end_s = time.monotonic() + for_s
    while time.monotonic() < end_s:
        for shape in (retry, delay, chain):
            await client.run(shape(dice))
        await asyncio.sleep(0.5)
    deadline_s = time.monotonic() + 20
    while left := await client.open_executions():
        assert time.monotonic() < deadline_s, f"not ended without an orchestrator: {left}"
        await asyncio.sleep(0.05)
    calls = read_calls(cluster.trace)
    rest = tuple(await left_behind(client))
    return History(calls, tuple(cluster.strikes), await collect(client), left_behind=rest)


async def test_retries_and_delays_go_on_without_an_orchestrator(cluster: Cluster, client: Client) -> None:
    verdict = judge(await go_on_without(cluster, client, for_s=4.0))

    assert verdict.broken == ()
    assert verdict.duplicates == 0


async def test_a_lost_worker_is_noticed_without_an_orchestrator(cluster: Cluster, client: Client) -> None:
    cluster.start(orchestrators=0, workers=2)
    document = workflow(node("a", handler="record") | {"config": {"work_ms": 1_000}})
    execution_id = await client.run(document)
    await until(lambda: len(read_calls(cluster.trace)) == 1, "the first attempt")
    busy = next(m for m in cluster.members if m.process.pid == read_calls(cluster.trace)[0].pid)

    cluster.strike(busy, "kill")
    await until(lambda: len(read_calls(cluster.trace)) == 2, "the second attempt", within_s=20)

    while await client.open_executions():
        await asyncio.sleep(0.05)
    history = History(read_calls(cluster.trace), tuple(cluster.strikes), await collect(client))
    assert history.executions[0].execution_id == execution_id
    assert judge(history).broken == ()


@pytest.mark.chaos
@pytest.mark.long
async def test_thirty_seconds_without_an_orchestrator(cluster: Cluster, client: Client) -> None:
    history = await go_on_without(cluster, client, for_s=30.0)

    assert judge(history).broken == ()
