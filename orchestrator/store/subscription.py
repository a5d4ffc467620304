"""Notifies one process of executions with new events: one subscription, however many executions it watches.

A message is only a wake-up; what happened is read from the history. So a lost message costs time, never an
event.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from orchestrator.redis_keys import Keys

log = logging.getLogger("headrace.wakeups")


class EventSubscription:
    """Watch executions, then iterate: an id for each wake-up, None after a reconnection (look at all)."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._watched: dict[str, str] = {}
        self._pubsub = redis.pubsub(ignore_subscribe_messages=True)
        self._is_open = True
        # Two tasks that subscribe at once on a pubsub without a connection would open one each.
        self._connecting = asyncio.Lock()

    async def watch(self, execution_id: str) -> None:
        """Start waking up for one execution. What was written before is for the caller to read afterwards."""
        channel = self._keys.events(execution_id)
        self._watched[channel] = execution_id
        try:
            async with self._connecting:
                await self._pubsub.subscribe(channel)
        except (RedisError, OSError):
            pass  # The iteration notices too, subscribes to everything again and yields None.

    async def unwatch(self, execution_id: str) -> None:
        channel = self._keys.events(execution_id)
        if self._watched.pop(channel, None):
            try:
                await self._pubsub.unsubscribe(channel)
            except (RedisError, OSError):
                pass

    async def aclose(self) -> None:
        self._is_open = False
        await self._close_pubsub()

    async def _close_pubsub(self) -> None:
        closing: Any = self._pubsub.aclose  # untyped in redis-py
        await closing()

    async def __aiter__(self) -> AsyncIterator[str | None]:
        pause_s = 0.1
        is_first = True
        while self._is_open:
            try:
                async with self._connecting:
                    await self._pubsub.subscribe(self._keys.quiet_channel(), *self._watched)
                if not is_first:
                    yield None
                is_first, pause_s = False, 0.1
                while self._is_open:
                    message = await self._pubsub.get_message(timeout=5.0)
                    if message and message["type"] == "message":
                        execution_id = self._watched.get(message["channel"].decode())
                        if execution_id:
                            yield execution_id
            except (RedisError, OSError) as error:
                log.warning("wakeups.reconnect", extra={"error": str(error)})
                await asyncio.sleep(pause_s * (0.5 + random.random()))
                pause_s = min(2.0, pause_s * 2)
                async with self._connecting:
                    await self._close_pubsub()
                    self._pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
                is_first = False
