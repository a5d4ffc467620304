"""The kinds of Redis clients, each configured explicitly, and what a server may answer instead of serving.

The defaults of redis-py retry a write whose reply was lost, which would repeat it, and cut a blocking read
off after five seconds. So: `commands` never retries by itself (`Transitions` resends, because every script
may be sent twice), `blocking` waits as long as its reads do, `subscriber` listens, `threaded` serves a thread
without an event loop. Every limit counts from the moment of the call: a wait for a connection, a connect and
a handshake are part of it.
"""

from __future__ import annotations

import builtins
import weakref
from types import TracebackType
from typing import Any

from redis import Redis as ThreadedRedis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import DefaultParser as AsyncParser
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import DefaultParser as ThreadedParser
from redis.driver_info import DriverInfo
from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry as ThreadedRetry

from clients.patience import only_read, patiently
from clients.waiting import Waiting

#: What is opened here; rooms that hand a client on and send nothing themselves name it so.
RedisClient = Redis

#: A command that has had no answer for this long counts as unanswered; the connection is dropped.
COMMAND_TIMEOUT_S = 5.0
BLOCKING_TIMEOUT_S = 6.0
#: A new connection that has not been greeted by then leads nowhere: after an outage another one soon works.
GREETING_TIMEOUT_S = 2.0


#: How connections introduce themselves. Without it each of them reads the version of redis-py from a file.
_DRIVER = DriverInfo()


class NotServing(ResponseError):
    """The server answers, and cannot serve at the moment: the same command may succeed later."""


class Demoted(NotServing):
    """The server is no primary, or no more; by now its address may lead to another one."""


class NotAllowed(ResponseError):
    """The user that the address names lacks a right; trying again changes nothing until it is granted."""


class WrongKind(ResponseError):
    """A key holds a value of another kind than the command is for: what it belongs to is damaged."""


#: First words of answers that mean "later". LOADING is an error of the connection to redis-py already.
SERVER_STATES: dict[str, type[NotServing]] = {
    "READONLY": Demoted,
    "MASTERDOWN": Demoted,
    "CLUSTERDOWN": NotServing,
    "TRYAGAIN": NotServing,
    "BUSY": NotServing,
    "MISCONF": NotServing,
    "NOREPLICAS": NotServing,
}

#: What is raised when Redis gives no answer, or none but "later". Every one of them passes.
PASSING_FAULTS = (RedisConnectionError, RedisTimeoutError, OSError, NotServing)


def why_away(fault: Exception) -> str:
    """Say why Redis gives no answer, to whoever may read it: not where it is."""
    match fault:
        case BusyLoadingError():
            return "it is reading its data from disk"
        case NotServing():
            return f"it answers: {fault}"
        case RedisTimeoutError():
            return "it has not answered in time"
        case AuthenticationError():
            return "it does not let this server in"
        case RedisConnectionError() | OSError():
            return "it cannot be reached"
    return f"it refuses what is asked ({type(fault).__name__})"


class _States:
    """Of a parser: errors by the first word of the answer, which redis-py drops where it has no class for it.

    Only error answers come through here, so that it costs nothing where all is well.
    """

    EXCEPTION_CLASSES = {
        **AsyncParser.EXCEPTION_CLASSES,
        **SERVER_STATES,
        "WRONGTYPE": WrongKind,
        "NOPERM": NotAllowed,
    }
    _connection: weakref.ref[Any] | None = None

    def on_connect(self, connection: Any, **options: Any) -> None:
        self._connection = weakref.ref(connection)
        super().on_connect(connection, **options)  # type: ignore[misc]

    def parse_error(self, response: str) -> Any:
        error = super().parse_error(response)  # type: ignore[misc]
        connection = self._connection() if self._connection else None
        if isinstance(error, Demoted) and connection is not None:
            # Kept, it would lead to the server that was demoted for as long as that lives.
            connection.mark_for_reconnect()
        return error


class _AsyncStates(_States, AsyncParser):  # type: ignore[misc, valid-type]
    pass


class _ThreadedStates(_States, ThreadedParser):  # type: ignore[misc, valid-type]
    pass


class _Commands(Redis):
    """Bounds every command and every pipeline by the clock."""

    timeout_s: float | None = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if only_read(args[:1]):
            return await patiently(lambda: self._execute(*args, **options), PASSING_FAULTS)
        return await self._execute(*args, **options)

    async def _execute(self, *args: Any, **options: Any) -> Any:
        async with Bounded(self.timeout_s):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        made = _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.timeout_s = self.timeout_s
        return made


class _Pipeline(Pipeline):
    timeout_s: float | None = None

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands = list(self.command_stack)
        if not only_read(arguments[0] for arguments, _ in commands):
            return await self._execute(raise_on_error)

        async def read() -> list[Any]:
            # Whatever comes of it, it is emptied.
            self.command_stack = list(commands)
            return await self._execute(raise_on_error)

        return await patiently(read, PASSING_FAULTS)

    async def _execute(self, raise_on_error: bool) -> list[Any]:
        async with Bounded(self.timeout_s):
            return await super().execute(raise_on_error)


class Bounded(Waiting):
    """Raises redis' own TimeoutError once the time is over. None: no bound."""

    __slots__ = ()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        except builtins.TimeoutError as late:
            raise RedisTimeoutError("Redis has not answered in time") from late


async def _greet(connection: Any) -> None:
    """Log in and choose the database."""
    bound = Bounded(GREETING_TIMEOUT_S)
    # The command that wants the connection is charged for it.
    bound.charges = False
    async with bound:
        await connection.on_connect_check_health(check_health=True)


def connect_commands(dsn: str, *, max_connections: int = 64) -> Redis:
    """Open a pool for commands and scripts. Nothing is retried here."""
    return _connect(dsn, timeout_s=COMMAND_TIMEOUT_S, max_connections=max_connections)


def connect_blocking(dsn: str) -> Redis:
    """Open a pool for reads that block for a second or two; Redis may take longer than it was asked."""
    return _connect(dsn, timeout_s=BLOCKING_TIMEOUT_S, max_connections=16)


def connect_subscriber(dsn: str) -> Redis:
    """Open a client for one subscription; its reads wait for ever, and it asks for signs of life itself."""
    return _connect(dsn, timeout_s=None, max_connections=4)


def connect_threaded(dsn: str) -> ThreadedRedis:
    """Open a client for a thread of its own."""
    return ThreadedRedis.from_url(
        dsn,
        protocol=2,
        socket_timeout=COMMAND_TIMEOUT_S,
        socket_connect_timeout=COMMAND_TIMEOUT_S,
        retry=ThreadedRetry(NoBackoff(), 0),
        parser_class=_ThreadedStates,
        driver_info=_DRIVER,
    )


def _connect(dsn: str, *, timeout_s: float | None, max_connections: int) -> Redis:
    # A socket of the file system has no peer whose machine could vanish.
    tcp = {} if dsn.startswith("unix:") else {"socket_keepalive": True}
    # A pool that makes callers wait for a connection: one that refuses would turn a crowd into errors.
    pool = BlockingConnectionPool.from_url(
        dsn,
        timeout=COMMAND_TIMEOUT_S,
        protocol=2,
        socket_timeout=timeout_s,
        socket_connect_timeout=COMMAND_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        max_connections=max_connections,
        decode_responses=False,
        parser_class=_AsyncStates,
        driver_info=_DRIVER,
        redis_connect_func=_greet,
        **tcp,
    )
    client = _Commands(connection_pool=pool)
    client.auto_close_connection_pool = True
    client.timeout_s = timeout_s
    return client
