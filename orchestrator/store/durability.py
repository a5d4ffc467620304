"""Answers what was accepted only once it is on the disk of Redis, where an installation asks for that.

With `appendfsync everysec` Redis acknowledges before it writes: usually a moment, up to two seconds while the
disk is slower than its fsync. WAITAOF waits until the append-only file holds what one connection has written.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextvars import Context
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from clients.redis_client import PASSING_FAULTS
from clients.redis_wire import KEPT_CONNECTIONS, Wire
from clients.waiting import Waiting
from headrace.backoff import Backoff
from orchestrator.errors import DurabilityUnknown
from orchestrator.redis_keys import Keys

#: How long Redis waits for its disk.
WAIT_MS = 3_000
#: How long a request waits, a turn included.
LATE_S = 6.0
#: Between two tries to reach Redis.
AGAIN = Backoff(first_s=0.05, most_s=1.0)
_FACTS = ("INFO", "server")
_run_id = re.compile(rb"run_id:(\w+)").search


class Durability:
    """Waits for the disk over connections of its own, which a wait occupies whole.

    Requests that come while all of them wait share the wait that comes next.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._wire = Wire(redis)
        self._probe = keys.shared("probe")
        self._free = asyncio.Semaphore(KEPT_CONNECTIONS)
        self._next: asyncio.Task[str] | None = None
        #: Of the Redis process that answered last.
        self._run_id = ""

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """End once what was written inside is on disk. Raises DurabilityUnknown."""
        # The process that is waited for must be the one that was written to: another one, started from the
        # file meanwhile, has on disk whatever it has, and may lack just this.
        before = self._run_id or self._note(await self._wire.send([_FACTS]))
        yield
        if await self._confirm() != before:
            raise DurabilityUnknown("Redis was restarted meanwhile")

    async def _confirm(self) -> str:
        """Wait until all that was answered so far is on disk. Gives the id of the Redis process."""
        if self._next is None:
            # Without a context: it serves others too, and must not end with the time of one request.
            self._next = asyncio.create_task(self._wait(), context=Context())
            self._next.add_done_callback(_look_at)
        waiting = self._next
        try:
            async with Waiting(LATE_S):
                return await asyncio.shield(waiting)
        except (RedisError, OSError) as error:
            raise DurabilityUnknown(str(error) or "its disk is too slow") from error

    async def _wait(self) -> str:
        async with self._free:
            # Whoever comes from here on may have written after what is waited for.
            self._next = None
            # WAITAOF waits for the writes of its own connection, and there was none. This one comes after
            # all that was answered before, and the file has one order.
            write = ("SET", self._probe, 1, "PX", 1000)
            wrote, kept, facts = await self._send([write, ("WAITAOF", 1, 0, WAIT_MS), _FACTS])
        if isinstance(wrote, Exception):
            raise wrote
        if isinstance(kept, Exception):
            raise kept
        if kept[0] < 1:
            raise DurabilityUnknown(f"its disk has not confirmed within {WAIT_MS / 1000:g} s")
        return self._note([facts])

    async def _send(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send until there is an answer: connections that were kept are dead after a restart of Redis."""
        give_up_s = time.monotonic() + LATE_S
        tries = 0
        while True:
            try:
                return await self._wire.send(commands)
            except PASSING_FAULTS:
                if time.monotonic() >= give_up_s:
                    raise
            tries += 1
            await asyncio.sleep(AGAIN.pause_s(tries))

    def _note(self, answers: Sequence[Any]) -> str:
        (facts,) = answers
        if isinstance(facts, Exception):
            raise facts
        found = _run_id(facts)
        self._run_id = found[1].decode() if found else ""
        return self._run_id


def _look_at(ended: asyncio.Task[str]) -> None:
    """See the error of a wait that everybody has given up: there is nobody left to raise it to."""
    if not ended.cancelled():
        ended.exception()
