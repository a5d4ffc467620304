"""The one way to wait before the next try: exponential, capped, with jitter."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

log = logging.getLogger("headrace.store")

T = TypeVar("T")


async def retry_while_unavailable(work: Callable[[], Awaitable[T]]) -> T:
    """Do again what Redis could not be reached for: that it was away is no fault of a node."""
    pause_s = 0.05
    while True:
        try:
            return await work()
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            log.warning("store.unreachable", extra={"error": str(error)})
        await asyncio.sleep(pause_s * (0.5 + random.random() / 2))
        pause_s = min(1.0, pause_s * 2)
