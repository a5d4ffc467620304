"""Streams over the real engine: one subscription a process, no lost or repeated id, a quick end."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from api.streaming.hub import Hub
from api.streaming.watcher import Watcher
from clients.redis_client import connect_commands, connect_subscriber
from orchestrator.engine import Engine
from tests.api_process import api_process
from tests.patience import PATIENCE_S
from workers.handlers import Catalogue


@pytest.fixture
async def engine(redis_url: str) -> AsyncIterator[Engine]:
    commands, subscriber = connect_commands(redis_url), connect_subscriber(redis_url)
    yield Engine(commands, subscriber, catalogue=Catalogue)
    await commands.aclose()
    await subscriber.aclose()


@pytest.fixture
async def hub(engine: Engine) -> AsyncIterator[Hub]:
    made = Hub(engine)
    yield made
    await made.close()


async def started(engine: Engine, width: int) -> str:
    """An execution with `width` queued nodes; cancelling it writes a line for each."""
    nodes = [{"id": f"n{number}", "handler": "noop", "dependencies": []} for number in range(width)]
    submitted = await engine.executions.submit({"name": "wide", "nodes": nodes}, trigger=True)
    return submitted.execution_id


async def ids(watcher: Watcher) -> list[int]:
    text = b""
    async with asyncio.timeout(PATIENCE_S):
        while (chunk := await watcher.next_chunk()) is not None:
            text += chunk
    return [int(line[4:]) for line in text.split(b"\n") if line.startswith(b"id: ")]


async def test_a_stream_of_what_is_purged_ends(engine: Engine, hub: Hub) -> None:
    nodes = [{"id": "A", "handler": "noop", "dependencies": []}]
    submitted = await engine.executions.submit({"name": "kept waiting", "nodes": nodes})
    watchers = [hub.join(submitted.execution_id, after=0, wire="sse") for _ in range(3)]
    reading = [asyncio.create_task(ids(watcher)) for watcher in watchers]
    first = hub.join(submitted.execution_id, after=0, wire="sse")
    assert await first.next_chunk()

    await engine.executions.purge(submitted.execution_id)

    assert await first.next_chunk() is None
    assert await asyncio.gather(*reading) == [[1]] * 3


async def test_a_thousand_watchers_use_one_subscription(engine: Engine, hub: Hub, redis: Redis) -> None:
    execution_id = await started(engine, 20)
    watchers = [hub.join(execution_id, after=0, wire="sse") for _ in range(1000)]
    readers = [asyncio.ensure_future(ids(watcher)) for watcher in watchers]
    last = await engine.events.last_seq(execution_id)
    async with asyncio.timeout(PATIENCE_S):
        while not all(watcher.cursor == last for watcher in watchers):
            await asyncio.sleep(0.01)

    clients: list[dict[str, Any]] = await redis.client_list(_type="pubsub")
    await engine.executions.cancel(execution_id, request_id="1")
    seen = await asyncio.gather(*readers)

    expected = list(range(1, await engine.events.last_seq(execution_id) + 1))
    assert len(clients) == 1
    assert all(each == expected for each in seen)


async def test_watcher_that_leaves_twenty_times_sees_every_id_exactly_once(engine: Engine, hub: Hub) -> None:
    execution_id = await started(engine, 1500)
    cancelling = asyncio.ensure_future(engine.executions.cancel(execution_id, request_id="1"))
    dice, seen = random.Random(3), list[int]()
    for _ in range(20):
        watcher = hub.join(execution_id, after=seen[-1] if seen else 0, wire="sse")
        asyncio.get_running_loop().call_later(dice.random() * 0.01, watcher.close)
        seen += await ids(watcher)
        hub.leave(watcher)
    await cancelling

    last = hub.join(execution_id, after=seen[-1] if seen else 0, wire="sse")
    seen += await ids(last)
    hub.leave(last)

    assert seen == list(range(1, await engine.events.last_seq(execution_id) + 1))


async def test_sigterm_ends_open_streams_and_the_process_though_the_client_stays(
    engine: Engine, redis_url: str
) -> None:
    execution_id = await started(engine, 1)
    with api_process(redis_url) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /v1/executions/{execution_id}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"node.queued")

        server.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            rest = await reader.read()
        await asyncio.to_thread(server.wait, PATIENCE_S)

        assert rest.endswith(b"0\r\n\r\n")  # ended, not cut: the client knows that it has everything so far
