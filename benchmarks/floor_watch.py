"""The least a server can do for its watchers: one loop that writes the same bytes to each socket.

`python -m benchmarks.floor_watch PORT EVENTS PAUSE_S` answers every GET like a stream of events. One for
`/go` makes it send so many events, with a pause after each; it stamps each before the first write.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import cast

import orjson
import uvloop

from benchmarks.stamps import stamp

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: keep-alive\r\n\r\n"


class BareLoop:
    """The watchers, and what they are sent."""

    def __init__(self, events: int, pause_s: float) -> None:
        self.watchers: set[asyncio.Transport] = set()
        self._events = events
        self._pause_s = pause_s
        self._task: asyncio.Task[None] | None = None

    def go(self) -> None:
        self._task = asyncio.create_task(self._send())

    async def _send(self) -> None:
        execution_id = str(uuid.uuid4())
        for number in range(self._events):
            node_id = f"n{number}"
            frame = frame_of(execution_id, node_id, number)
            stamp(execution_id, node_id)
            for transport in self.watchers:
                transport.write(frame)
            await asyncio.sleep(self._pause_s)


def frame_of(execution_id: str, node_id: str, seq: int) -> bytes:
    """Write an event as the engine does, of about the same length."""
    event = {
        "seq": seq, "type": "node.completed", "execution_id": execution_id, "node_id": node_id,
        "attempt": 1, "ts": "2026-01-01T00:00:00.000Z", "data": {},
    }  # fmt: skip
    return b"id: %d\nevent: node.completed\ndata: %s\n\n" % (seq, orjson.dumps(event))


class _Connection(asyncio.Protocol):
    def __init__(self, loop: BareLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is not one

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(_HEAD)
        if data.startswith(b"GET /go "):
            self._loop.go()
        else:
            self._loop.watchers.add(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._loop.watchers.discard(self._transport)


async def serve(port: int, events: int, pause_s: float) -> None:
    """Serve until the process is ended."""
    loop = BareLoop(events, pause_s)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(loop), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
