"""What somebody who follows an execution over the API holds of a streamed answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from api.streaming.hub import Hub
from api.streaming.watcher import Watcher
from clients.redis_client import connect_commands, connect_subscriber
from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus
from tests.integration.llm.llm_nodes import asking, tools
from tests.integration.llm.worker_process import LEASE_MS, worker_process
from tests.llm_server import breaks_after, llm_server, stalls_after
from tests.makers import WorkerFleet, workflow
from tests.patience import PATIENCE_S
from workers.handlers import Catalogue

NODES = 6


@pytest.fixture
async def engine(redis_url: str, redis: Redis) -> AsyncIterator[Engine]:
    commands, subscriber = connect_commands(redis_url), connect_subscriber(redis_url)
    yield Engine(commands, subscriber, catalogue=Catalogue)
    await commands.aclose()
    await subscriber.aclose()


class Screen:
    """Shows what each node streams, and lets go of it when told to."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.resets = 0
        self._rest = b""

    def take(self, chunk: bytes) -> None:
        *frames, self._rest = (self._rest + chunk).split(b"\n\n")
        for frame in frames:
            lines = [line.partition(b": ") for line in frame.split(b"\n")]
            told = {name: value for name, _, value in lines if name}
            if told.get(b"event") in (b"node.token", b"stream.reset"):
                self._show(orjson.loads(told[b"data"]))

    def _show(self, event: dict[str, Any]) -> None:
        node_id = event["node_id"]
        if event["type"] == "stream.reset":
            self.texts[node_id] = ""
            self.resets += 1
        else:
            self.texts[node_id] = self.texts.get(node_id, "") + event["data"]["text"]


@pytest.mark.long
async def test_somebody_who_watches_while_a_worker_is_killed_holds_the_stored_answers(
    engine: Engine, fleet: WorkerFleet, redis_url: str
) -> None:
    screen, hub = Screen(), Hub(engine)
    async with llm_server() as server:
        # Half of the answers stop in the middle with their worker; one of the others breaks off by itself.
        server.acts += [stalls_after(15)] * (NODES // 2)
        policy = {"max_attempts": 3, "initial_interval": 0.01}
        nodes = [asking(number, retry=policy) for number in range(NODES)]
        execution_id = (await engine.executions.submit(workflow(*nodes), trigger=True)).execution_id
        watcher = hub.join(execution_id, after=0, wire="sse")
        with worker_process(redis_url, server, WORKER_CONCURRENCY=str(NODES // 2)) as process:
            while len(screen.texts) < NODES // 2:
                await _next(watcher, screen)
            process.kill()
            process.wait()
        server.acts += [breaks_after(12)]
        await fleet.start(tools=tools(server), lease_ms=LEASE_MS)
        while await _next(watcher, screen):
            pass
    await hub.close()

    assert await engine.executions.status(execution_id) is ExecutionStatus.COMPLETED
    results = await engine.executions.results(execution_id)
    answers = {node_id: orjson.loads(output or b"")["answer"] for node_id, output in results.items()}
    assert screen.texts == answers
    assert all(len(answer) > 500 for answer in answers.values())
    assert screen.resets == NODES // 2 + 1


async def _next(watcher: Watcher, screen: Screen) -> bool:
    """Show what comes next; says whether there is more to come."""
    async with asyncio.timeout(PATIENCE_S):
        chunk = await watcher.next_chunk()
    screen.take(chunk or b"")
    return chunk is not None
