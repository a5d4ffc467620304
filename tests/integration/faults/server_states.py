"""States in which a server answers every client and serves none, each brought about on a real one."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from typing import Any

from redis import Redis as ThreadedRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.makers import until
from tests.redis_server import RedisServer

#: What a server needs to be started with, to be brought into them.
OPTIONS = ("--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024")
#: Until it is killed.
_SPIN = "while true do end"

State = Callable[[RedisServer, Any], contextlib.AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def readonly(server: RedisServer, redis: Any) -> AsyncIterator[None]:
    """A failover has made a replica of the primary."""
    await redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield
    await redis.execute_command("REPLICAOF", "NO", "ONE")


@contextlib.asynccontextmanager
async def masterdown(server: RedisServer, redis: Any) -> AsyncIterator[None]:
    await redis.config_set("replica-serve-stale-data", "no")
    async with readonly(server, redis):
        yield


@contextlib.asynccontextmanager
async def noreplicas(server: RedisServer, redis: Any) -> AsyncIterator[None]:
    await redis.config_set("min-replicas-to-write", 1)
    yield
    await redis.config_set("min-replicas-to-write", 0)


@contextlib.asynccontextmanager
async def misconf(server: RedisServer, redis: Any) -> AsyncIterator[None]:
    """Its directory is gone, so that no snapshot can be written."""
    shutil.rmtree(server.directory)
    await redis.config_set("save", "3600 1")
    await redis.set("k", 1)
    await redis.bgsave()

    async def has_failed() -> bool:
        return str((await redis.info("persistence"))["rdb_last_bgsave_status"]) == "err"

    await until(has_failed)
    yield
    await redis.config_set("save", "")


@contextlib.asynccontextmanager
async def busy(server: RedisServer, redis: Any) -> AsyncIterator[None]:
    await redis.config_set("busy-reply-threshold", 20)
    async with _occupied(server, redis, "EVAL", _SPIN, 0, word="BUSY"):
        yield
        await redis.script_kill()


@contextlib.asynccontextmanager
async def loading(server: RedisServer, redis: Any) -> AsyncIterator[None]:
    await redis.mset({f"filler:{n}": "x" * 100 for n in range(5_000)})
    await redis.config_set("key-load-delay", 4_000)
    async with _occupied(server, redis, "DEBUG", "RELOAD", word="LOADING"):
        yield
        await redis.config_set("key-load-delay", 0)


STATES: dict[str, State] = {
    "READONLY": readonly,
    "MASTERDOWN": masterdown,
    "NOREPLICAS": noreplicas,
    "MISCONF": misconf,
    "BUSY": busy,
    "LOADING": loading,
}


@contextlib.asynccontextmanager
async def _occupied(server: RedisServer, redis: Any, *command: Any, word: str) -> AsyncIterator[None]:
    """Keep the server at one command, and wait for it to say so to others."""
    # Once and without a time limit: sent again, the server would be at it a second time.
    other = ThreadedRedis(port=server.port, socket_timeout=None, retry=Retry(NoBackoff(), 0))
    doing = asyncio.create_task(asyncio.to_thread(other.execute_command, *command))

    async def is_said() -> bool:
        try:
            await redis.get("k")
        except Exception as error:
            return getattr(error, "status_code", None) == word
        return False

    await until(is_said)
    yield
    await asyncio.wait([doing])
    doing.exception()
    other.close()
