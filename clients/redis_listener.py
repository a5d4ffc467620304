"""A connection that is subscribed to channels: what is published on them, as it comes.

The client's own one starts a task and a timer for every message it waits for. Here what has arrived wakes
whoever waits for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, NamedTuple

import hiredis
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from clients.redis_wire import MORE, take_over


class Message(NamedTuple):
    """What has come on a channel; at first that its subscription stands: is_first, without data."""

    channel: str
    data: bytes
    is_first: bool = False


class Listener(asyncio.Protocol):
    """One connection of a client's pool, which it goes back to closed; for one reader."""

    def __init__(self, redis: Redis) -> None:
        self._pool: Any = redis.connection_pool  # untyped below this level
        self._loop = asyncio.get_running_loop()
        self._connection: Any = None
        self._transport: asyncio.Transport | None = None
        self._greeter: asyncio.BaseProtocol | None = None
        self._reader: Any = None
        self._messages: deque[Message] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._heard_s = self._loop.time()
        self._has_heard = False

    async def open(self) -> None:
        """Connect and log in. Raises redis errors, OSError."""
        self._connection = await self._pool.get_connection()
        self._transport, self._greeter, self._reader = take_over(self._connection, self)
        self._heard_s = self._loop.time()

    async def close(self) -> None:
        """End it; whoever waits gets an error."""
        self._fail(RedisConnectionError("the subscription was closed"))
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

    def subscribe(self, *channels: str) -> None:
        """Listen to more channels; what comes first on each is that it stands."""
        self._send("SUBSCRIBE", *channels)

    def unsubscribe(self, *channels: str) -> None:
        self._send("UNSUBSCRIBE", *channels)

    def ping(self) -> None:
        """Ask for a sign of life: it is heard, and is no message."""
        self._send("PING")

    def has_heard(self) -> bool:
        """Whether anything has been heard since this was last asked."""
        found, self._has_heard = self._has_heard, False
        return found

    async def next(self, within_s: float) -> Message | None:
        """Give the next message; None once nothing has been heard for so long. Raises redis errors."""
        while not self._messages:
            if self._error is not None:
                raise self._error
            silent_s = self._loop.time() - self._heard_s
            if silent_s >= within_s:
                self._heard_s = self._loop.time()
                return None
            self._waiter = self._loop.create_future()
            timer = self._loop.call_later(within_s - silent_s, self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        return self._messages.popleft()

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        self._heard_s, self._has_heard = self._loop.time(), True
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not MORE:
                self._take(answer)
        except Exception as error:
            # What follows such bytes cannot be told apart.
            self._fail(error)
        if self._messages:
            self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(RedisConnectionError(str(error) if error else "Connection closed by server."))
        if self._greeter is not None:
            # Whoever closes the connection waits to be told by it.
            self._greeter.connection_lost(error)

    def _take(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            self._fail(answer)
        elif isinstance(answer, list) and answer[0] in (b"message", b"subscribe"):
            kind, channel, data = answer
            is_first = kind == b"subscribe"
            self._messages.append(Message(channel.decode(), b"" if is_first else data, is_first))

    def _send(self, *command: str) -> None:
        # One that is closed is noticed by whoever reads.
        if self._transport is not None and not self._transport.is_closing():
            packed: Any = command  # of any length, whatever its types say
            self._transport.write(hiredis.pack_command(packed))

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        if self._transport is not None:
            self._transport.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
