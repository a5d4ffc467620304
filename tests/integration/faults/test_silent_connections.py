"""Connections that lead nowhere and say nothing of it: a machine is gone, a firewall has forgotten them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from clients.redis_client import connect_subscriber
from clients.redis_listener import Listener
from orchestrator.redis_keys import Keys
from orchestrator.store import subscription
from orchestrator.store.subscription import EventSubscription, Topic, Wakeup
from tests.patience import PATIENCE_S
from tests.redis_server import RedisServer


class Relay:
    """Stands between a client and its server; `forget` lets nothing more through what is open now."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._forgotten: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            self._pumps.add(asyncio.create_task(self._pump(source, target)))

    def forget(self) -> None:
        self._forgotten |= self._open

    async def close(self) -> None:
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for writer in self._open:
            writer.close()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while part := await source.read(65_536):
            if target not in self._forgotten:
                target.write(part)


@pytest.fixture
async def relay(redis_url: str, redis_server: RedisServer) -> AsyncIterator[tuple[Relay, str]]:
    made = Relay(redis_server.port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    await made.close()
    server.close()


async def test_a_subscription_without_a_sign_of_life_is_made_again(
    relay: tuple[Relay, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_S", 0.05)
    between, url = relay
    client = connect_subscriber(url)
    watching = EventSubscription(client, Keys())
    await watching.watch(Topic("x1"))
    wakeups = aiter(watching)
    assert await asyncio.wait_for(anext(wakeups), PATIENCE_S) == Wakeup(Topic("x1"), is_first=True)

    between.forget()

    # None: what was missed meanwhile is for the watcher to read.
    assert await asyncio.wait_for(anext(wakeups), PATIENCE_S) is None
    await watching.aclose()
    await client.aclose()


async def test_a_subscription_that_is_only_quiet_or_much_changed_is_kept(
    relay: tuple[Relay, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_S", 0.2)
    monkeypatch.setattr(subscription, "MOST_SILENCES", 100)
    _, url = relay
    client = connect_subscriber(url)
    watching = EventSubscription(client, Keys())
    for number in range(500):
        await watching.watch(Topic(f"x{number}"))
    asked = 0

    publishing: list[asyncio.Future[int]] = []

    def ask(silences: int, listener: Listener) -> int:
        nonlocal asked
        asked += 1
        if asked == 3:
            publishing.append(asyncio.ensure_future(client.publish(Keys().events("x1"), "1")))
        return EventSubscription._ask(watching, silences, listener)

    monkeypatch.setattr(watching, "_ask", ask)

    subscribed: set[Wakeup | None] = set()
    woken = aiter(watching)
    while asked < 3 or len(subscribed) < 501:
        subscribed.add(last := await asyncio.wait_for(anext(woken), PATIENCE_S))

    assert last == Wakeup(Topic("x1"))
    assert subscribed == {last, *(Wakeup(Topic(f"x{number}"), is_first=True) for number in range(500))}
    # The 500 confirmations were no silences.
    assert asked < 100
    await watching.aclose()
    await client.aclose()
