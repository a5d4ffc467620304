"""A worker that sleeps past its lease wakes up to find that its node belongs to somebody else."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from orchestrator.store.records import read_record
from orchestrator.store.requests import AttemptToken
from tests.chaos.checker import judge
from tests.chaos.client import Client
from tests.chaos.cluster import Cluster, until
from tests.chaos.collected import collect
from tests.chaos.history import Call, History, read_calls
from tests.dags import node, workflow


@pytest.mark.parametrize("handler", ["record", "record_in_thread"])
async def test_a_worker_stopped_past_its_lease_cannot_complete_what_was_given_to_another(
    cluster: Cluster, client: Client, handler: str
) -> None:
    def calls() -> tuple[Call, ...]:
        return read_calls(cluster.trace)

    cluster.start(orchestrators=1, workers=1)
    document = workflow(node("a", handler=handler) | {"config": {"work_ms": 600}})
    execution_id = await client.run(document)
    await until(lambda: len(calls()) == 1, "the first attempt")
    record: Any = await client.redis.hget(f"workflow:{execution_id}:runtime", "r|a")
    nonce = read_record(record).nonce or ""
    sleeper = cluster.of("worker")[0]
    cluster.strike(sleeper, "stop")
    cluster.add("worker")
    await until(lambda: len(calls()) == 2 and calls()[1].ended == "ok", "the second attempt")
    while await client.open_executions():
        await asyncio.sleep(0.02)
    before = await collect(client)

    sleeper.process.send_signal(signal.SIGCONT)
    sleeper.resume_at_s = None
    await until(lambda: calls()[0].ended is not None, "the first call goes on")
    await asyncio.sleep(1.0)
    late = AttemptToken(execution_id, "a", 1, nonce)
    answer = await client.engine.transitions.complete_node(late, b'{"nonce":"late"}')
    after = await collect(client)

    first, second = calls()
    assert answer.word == "fenced"
    assert after == before
    assert after[0].outputs["a"] == {"nonce": second.nonce, "attempt": 2}
    assert (first.attempt, second.attempt) == (1, 2)
    assert sleeper.process.poll() is None
    assert judge(History(calls(), tuple(cluster.strikes), after)).broken == ()
