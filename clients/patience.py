"""Sends again what only reads, as long as a request may wait: a Redis that restarts is back in a second.

What writes is a script, which is sent again by its own rules (`orchestrator.store.script_client`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from clients.waiting import Waiting, is_bounded, seconds_left
from headrace.backoff import Backoff

R = TypeVar("R")

#: How long a read is sent again, from its first try on.
PATIENCE_S = 5.0
#: Between two tries.
AGAIN = Backoff(first_s=0.05, most_s=0.5, jitter=(0.5, 1.0))
#: Commands that change nothing. Those that ask about the server are not among them: whether it is well is
#: asked now.
_READS = """
EXISTS GET HEXISTS HGET HGETALL HKEYS HLEN HMGET HSCAN HSTRLEN HVALS LLEN LRANGE MGET PTTL SCAN SCARD
SISMEMBER SMEMBERS SMISMEMBER SSCAN STRLEN TIME TTL TYPE XINFO XLEN XPENDING XRANGE XREAD XREVRANGE
ZCARD ZCOUNT ZLEXCOUNT ZMSCORE ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREVRANGE ZREVRANGEBYSCORE ZSCAN
ZSCORE
"""
READS = frozenset(_READS.split())


def only_read(names: Iterable[Any]) -> bool:
    """Whether commands of these names change nothing."""
    return all(isinstance(name, str) and name.partition(" ")[0] in READS for name in names)


async def patiently(read: Callable[[], Awaitable[R]], passing: tuple[type[Exception], ...]) -> R:
    """Do what only reads, again and again where Redis is away and the request has time left.

    passing  what is raised where it is away. The last one is raised in the end.
    """
    if not is_bounded():
        # No request waits: workers and orchestrators have rules of their own.
        return await read()
    give_up_s = time.monotonic() + PATIENCE_S
    tries = 0
    while True:
        try:
            return await read()
        except passing:
            tries += 1
            pause_s = AGAIN.pause_s(tries)
            if time.monotonic() + pause_s >= give_up_s or seconds_left(math.inf) <= pause_s:
                raise
        async with Waiting(None):
            await asyncio.sleep(pause_s)
