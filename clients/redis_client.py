"""The three kinds of Redis clients, each configured explicitly.

The defaults of redis-py retry a write whose reply was lost, which would repeat it, and cut a blocking read
off after five seconds. So: `commands` never retries by itself (`Transitions` resends, because every script
may be sent twice), `blocking` waits as long as its reads do, `subscriber` listens.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Sequence
from typing import Any

import hiredis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

#: What is opened here; rooms that hand a client on and send nothing themselves name it so.
RedisClient = Redis

#: A command that has had no answer for this long counts as unanswered; the connection is dropped.
COMMAND_TIMEOUT_S = 5.0
BLOCKING_TIMEOUT_S = 8.0
#: Connections one Wire keeps; further calls wait for their turn, which comes with the next answer.
KEPT_CONNECTIONS = 16


def connect_commands(dsn: str, *, max_connections: int = 64) -> Redis:
    """Open a pool for commands and scripts. Nothing is retried here."""
    return _connect(dsn, timeout_s=COMMAND_TIMEOUT_S, max_connections=max_connections)


def connect_blocking(dsn: str) -> Redis:
    """Open a pool for reads that block for a second or two; Redis may take longer than it was asked."""
    return _connect(dsn, timeout_s=BLOCKING_TIMEOUT_S, max_connections=16)


def connect_subscriber(dsn: str) -> Redis:
    """Open a client for one subscription; its reads wait for ever, kept honest by a health check."""
    return _connect(dsn, timeout_s=None, max_connections=4, health_check_s=10)


def _connect(dsn: str, *, timeout_s: float | None, max_connections: int, health_check_s: int = 0) -> Redis:
    # A pool that makes callers wait for a connection: one that refuses would turn a crowd into errors.
    pool = BlockingConnectionPool.from_url(
        dsn,
        timeout=COMMAND_TIMEOUT_S,
        protocol=2,
        socket_timeout=timeout_s,
        socket_connect_timeout=COMMAND_TIMEOUT_S,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        max_connections=max_connections,
        health_check_interval=health_check_s,
        decode_responses=False,
    )
    return Redis.from_pool(pool)


class Wire:
    """Sends commands in one round trip over connections it keeps, with as little work for each as can be.

    The client's own pipeline packs commands in Python, starts a task for every write and a timer for every
    reply, which together take longer than Redis does. Here hiredis packs, and one timer covers it all.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool: Any = redis.connection_pool  # untyped below this level
        self._idle: list[Any] = []
        # Far fewer than the pool has: a connection kept here is missing for all other calls.
        self._free = asyncio.Semaphore(KEPT_CONNECTIONS)

    async def send(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Give the answers in order, error answers as exceptions. Raises redis errors when there is none."""
        # From Python 3.12 on an empty write stays in the transport's buffer: the event loop tries it again
        # and again, at the cost of a processor, and the connection cannot be closed.
        if not commands:
            return []
        packed = b"".join([hiredis.pack_command(command) for command in commands])
        async with self._free:
            return await self._exchange(packed, len(commands))

    async def let_go(self) -> None:
        """Return the kept connections to the pool. It can be used again afterwards."""
        while self._idle:
            connection = self._idle.pop()
            connection.socket_timeout = COMMAND_TIMEOUT_S
            await self._pool.release(connection)

    async def _exchange(self, packed: bytes, count: int) -> list[Any]:
        connection = self._idle.pop() if self._idle else await self._pool.get_connection()
        # The timer below stands in for the connection's own.
        connection.socket_timeout = None
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                await connection.send_packed_command(packed, check_health=False)
                answers = []
                for _ in range(count):
                    try:
                        answers.append(await connection.read_response())
                    except ResponseError as error:
                        answers.append(error)
        except BaseException as error:
            # An answer still on its way must not be taken for that to another call's command.
            await connection.disconnect(nowait=True)
            connection.socket_timeout = COMMAND_TIMEOUT_S
            await self._pool.release(connection)
            if isinstance(error, builtins.TimeoutError):
                raise RedisTimeoutError(f"no answer within {COMMAND_TIMEOUT_S:g} s") from error
            raise
        self._idle.append(connection)
        return answers
