"""Clients and watchers of one execution's events, as slow or as short-lived as a test wants them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from fastapi import FastAPI

from api.streaming.hub import Hub
from api.streaming.watcher import Watcher
from tests.patience import PATIENCE_S
from tests.unit.api.fakes import END, EXECUTION_ID, FakeEngine, FakeWakeups

Predicate = Callable[[], bool]


async def until(claim: Predicate) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not claim():
            await asyncio.sleep(0)


def ids(text: bytes) -> list[int]:
    """The ids a client of this SSE text would remember."""
    return [int(line[4:]) for line in text.split(b"\n") if line.startswith(b"id: ")]


async def drain(watcher: Watcher) -> bytes:
    """Everything a watcher is handed until its stream ends."""
    parts = []
    async with asyncio.timeout(PATIENCE_S):
        while (chunk := await watcher.next_chunk()) is not None:
            parts.append(chunk)
    return b"".join(parts)


class Client:
    """An HTTP client of the app that can be slow, leave, and see what was sent so far."""

    def __init__(
        self,
        app: FastAPI,
        query: str = "",
        headers: dict[str, str] | None = None,
        path: str = f"/v1/executions/{EXECUTION_ID}/events",
    ) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_over = False
        self.can_take = asyncio.Event()
        self.can_take.set()
        self._gone = asyncio.Event()
        given = {"accept": "text/event-stream", **(headers or {})}
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": b"",
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "server": ("headrace", 80),
            "client": ("client", 1),
        }
        self.task = asyncio.ensure_future(cast(Awaitable[None], app(scope, self._receive, self._send)))

    def leave(self) -> None:
        self._gone.set()

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.can_take.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")
            self.is_over = not message.get("more_body", False)


def waiting(hub: Hub, count: int = 1, wait_s: float = PATIENCE_S) -> list[asyncio.Task[bool]]:
    return [asyncio.ensure_future(hub.wait_for_end(EXECUTION_ID, wait_s)) for _ in range(count)]


async def subscribed(fake: FakeEngine) -> None:
    await until(lambda: any(END in made.watched for made in fake.wakeups_made))
    for _ in range(10):
        await asyncio.sleep(0)


async def told(hub: Hub, fake: FakeEngine) -> FakeWakeups:
    """Let the hub open its subscription, and hear that it stands."""
    (waiter,) = waiting(hub)
    await subscribed(fake)
    fake.wakeups_made[0].is_standing = True
    waiter.cancel()
    await until(lambda: not fake.wakeups_made[0].watched)
    return fake.wakeups_made[0]
