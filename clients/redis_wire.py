"""The wire that the calls of scripts travel on: commands in, answers out, and as little work as can be.

The client's own reader and writer pack commands in Python, start a task for every write and a timer for every
reply, which together take longer than Redis does. Here hiredis packs and parses, and what has arrived
completes the call that waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import hiredis
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as RedisTimeoutError

from clients.patience import only_read, patiently
from clients.redis_client import COMMAND_TIMEOUT_S, PASSING_FAULTS, Bounded
from clients.waiting import charge, seconds_left

#: Connections one Wire keeps; further calls wait for their turn, which comes with the next answer.
KEPT_CONNECTIONS = 16
#: Stands for an answer that has not arrived in full.
MORE = object()


class Taken(NamedTuple):
    """What a protocol of ours needs of a connection of the client's: who had it before is told of its end."""

    transport: asyncio.Transport
    greeter: asyncio.BaseProtocol
    reader: Any


def take_over(connection: Any, protocol: asyncio.Protocol) -> Taken:
    """Let a protocol have what arrives from now on. The connection is of the client's pool, logged in."""
    transport: asyncio.Transport = connection._writer.transport
    parse_error = connection._parser.parse_error
    reader = hiredis.Reader(protocolError=InvalidResponse, replyError=parse_error, notEnoughData=MORE)
    taken = Taken(transport, transport.get_protocol(), reader)
    transport.set_protocol(protocol)
    return taken


class Line(asyncio.Protocol):
    """One connection that carries one exchange at a time."""

    def __init__(self, connection: Any) -> None:
        self.is_closed = False
        self._loop = asyncio.get_running_loop()
        self._transport, self._greeter, self._reader = take_over(connection, self)
        self._wanted = 0
        self._answers: list[Any] = []
        self._answered: asyncio.Future[list[Any]] | None = None
        #: When the exchange is over; the timer looks by then, and again when a later exchange moved it on.
        self._due_s = 0.0
        self._looks_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def exchange(self, packed: bytes, count: int, most_s: float) -> asyncio.Future[list[Any]]:
        """Send commands; the result are their answers. Raises redis errors when they do not come in time."""
        self._wanted, self._answers = count, []
        self._answered = answered = self._loop.create_future()
        self._due_s = due_s = self._loop.time() + most_s
        if self._timer is None or due_s < self._looks_s:
            self._look_at(due_s)
        self._transport.write(packed)
        return answered

    def data_received(self, data: bytes) -> None:
        """Complete the exchange with its last answer."""
        reader, answers = self._reader, self._answers
        reader.feed(data)
        try:
            answer = reader.gets()
            while answer is not MORE:
                answers.append(answer)
                answer = reader.gets()
        except Exception as error:
            # What follows such bytes cannot be told apart.
            self._fail(error)
            return
        if len(answers) >= self._wanted and self._answered is not None:
            answered, self._answered = self._answered, None
            if not answered.done():
                answered.set_result(answers)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the exchange that waits; none can follow."""
        self._fail(RedisConnectionError(str(error) if error else "Connection closed by server."))
        # Whoever closes the connection waits to be told by it.
        self._greeter.connection_lost(error)

    def close(self) -> None:
        """Let nothing more arrive."""
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport.close()

    def _look_at(self, at_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_s = at_s
        self._timer = self._loop.call_at(at_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._answered is None:
            return
        if self._loop.time() < self._due_s:
            self._look_at(self._due_s)
        else:
            self._fail(RedisTimeoutError("Redis has not answered in time"))

    def _fail(self, error: Exception) -> None:
        self.close()
        answered, self._answered = self._answered, None
        if answered is not None and not answered.done():
            answered.set_exception(error)


class Wire:
    """Sends commands in one round trip over connections it keeps.

    They come from the client's pool, which connects and logs in, and go back closed.

    most_s  how long one round trip may take; None: as long as any command.
    """

    def __init__(self, redis: Redis, *, most_s: float | None = None) -> None:
        self._most_s = most_s
        self._pool: Any = redis.connection_pool  # untyped below this level
        self._idle: list[tuple[Line, Any]] = []
        # Far fewer than the pool has: a connection kept here is missing for all other calls.
        self._room = KEPT_CONNECTIONS
        self._turns: deque[asyncio.Future[None]] = deque()

    async def send(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Give the answers in order, error answers as exceptions. Raises redis errors when there is none."""
        # From Python 3.12 on an empty write stays in the transport's buffer: the event loop tries it again
        # and again, at the cost of a processor, and the connection cannot be closed.
        if not commands:
            return []
        packed = b"".join([hiredis.pack_command(command) for command in commands])
        began_s = time.monotonic()
        most_s = seconds_left(COMMAND_TIMEOUT_S if self._most_s is None else self._most_s)
        waited_s = 0.0
        if self._idle and not self._turns and not self._idle[-1][0].is_closed:
            kept = self._idle.pop()
        else:
            # Waiting for a turn counts too: in an outage every call before this one takes its whole time.
            async with Bounded(most_s):
                kept = await self._turn()
            waited_s = time.monotonic() - began_s
        line, connection = kept
        try:
            answers = await line.exchange(packed, len(commands), most_s - waited_s)
            for answer in answers:
                if isinstance(answer, RedisConnectionError):
                    raise answer
        except BaseException:
            # An answer still on its way must not be taken for that to another call's command.
            await self._drop(line, connection)
            raise
        finally:
            charge(time.monotonic() - began_s - waited_s)
        if connection.should_reconnect():
            await self._drop(line, connection)
        else:
            self._idle.append(kept)
            self._call_next()
        return answers

    async def ask(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Give the answers in order. Raises the first error answer, and redis errors when there is none.

        What only reads is sent again as long as the request may wait.
        """
        if only_read(command[0] for command in commands):
            return await patiently(lambda: self._ask(commands), PASSING_FAULTS)
        return await self._ask(commands)

    async def _ask(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        answers = await self.send(commands)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def let_go(self) -> None:
        """Return the kept connections to the pool. It can be used again afterwards."""
        while self._idle:
            await self._drop(*self._idle.pop())

    async def _turn(self) -> tuple[Line, Any]:
        """Take a kept connection, or a new one from the pool, or wait until there is room for one."""
        while True:
            while self._idle:
                line, connection = self._idle.pop()
                if not line.is_closed:
                    return line, connection
                await self._drop(line, connection)
            if self._room:
                return await self._open()
            turn = asyncio.get_running_loop().create_future()
            self._turns.append(turn)
            try:
                await turn
            except BaseException:
                if turn.done() and not turn.cancelled():
                    self._call_next()  # it came, and is somebody else's now
                raise

    async def _open(self) -> tuple[Line, Any]:
        self._room -= 1
        try:
            connection = await self._pool.get_connection()
        except BaseException:
            self._room += 1
            self._call_next()
            raise
        return Line(connection), connection

    async def _drop(self, line: Line, connection: Any) -> None:
        line.close()
        self._room += 1
        self._call_next()
        await connection.disconnect(nowait=True)
        await self._pool.release(connection)

    def _call_next(self) -> None:
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return
