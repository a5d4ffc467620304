"""A client of the protocol without a socket, on a clock that tests move."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from api.http_protocol import GuardedProtocol


class Clock:
    """A loop whose time is moved by hand; tasks run on the real one."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []

    def time(self) -> float:
        return self.now_s

    def create_task(self, work: Any, **named: Any) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work, **named)

    def call_soon(self, callback: Callable[..., None], *args: Any) -> asyncio.Handle:
        return asyncio.get_running_loop().call_soon(callback, *args)

    def call_later(self, delay_s: float, callback: Callable[..., None], *args: Any) -> asyncio.TimerHandle:
        return self.call_at(self.now_s + delay_s, callback, *args)

    def call_at(self, when_s: float, callback: Callable[..., None], *args: Any) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when_s, callback, args, asyncio.get_running_loop())
        self._timers.append((when_s, len(self._timers), handle))
        return handle

    def advance(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while due := [entry for entry in self._timers if entry[0] <= end_s]:
            first = min(due)
            self._timers.remove(first)
            self.now_s = max(self.now_s, first[0])
            if not first[2].cancelled():
                first[2]._run()
        self.now_s = end_s


class Wire(asyncio.Transport):
    """The server's end of a connection: keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 8000), "peername": ("127.0.0.1", 50_000)})
        self.written = b""
        self.writes = 0
        self.is_shut = self.is_read = False
        self.eof = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)
        self.writes += 1

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def is_closing(self) -> bool:
        return self.is_shut

    def close(self) -> None:
        self.is_shut = True

    abort = close

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


class Connection:
    """A client of the protocol."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.bodies: list[bytes | None] = []
        self.hold = asyncio.Event()
        self.headers: list[tuple[bytes, bytes]] = []
        config = uvicorn.Config(self._app, http=GuardedProtocol, log_config=None, interface="asgi3")
        loop: Any = self.clock
        self.protocol = GuardedProtocol(config=config, server_state=ServerState(), app_state={}, _loop=loop)
        self.protocol.connection_made(self.wire)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            self.bodies.append(await request.body())
        except ClientDisconnect:
            self.bodies.append(None)
            return
        self.headers = list(scope["headers"])
        if scope["path"] == "/slow":
            await self.hold.wait()
        if scope["path"] == "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await self.hold.wait()
        else:
            await PlainTextResponse("done")(scope, receive, send)

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)
        await self.settle()

    async def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def statuses(self) -> list[int]:
        return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.wire.written)]

    @property
    def problem(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.wire.written.rpartition(b"\r\n\r\n")[2]))
