"""Notifies one process of executions with new events: one subscription, however many executions it watches.

A message is only a wake-up; what happened is read from the history. So a lost message costs time, never an
event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from headrace.backoff import Backoff
from orchestrator.redis_keys import Keys

log = logging.getLogger("headrace.wakeups")

#: After the connection was lost.
RECONNECT = Backoff(first_s=0.1, most_s=2.0)
#: A subscription that has been silent for this long is pinged, and given up after so many pings.
SILENCE_S = 5.0
MOST_SILENCES = 2


class Wakeup(NamedTuple):
    """There is news of an execution.

    has_ended  whether it had ended when the message was sent; None where that does not say so.
    """

    execution_id: str
    has_ended: bool | None = None


#: What messages say; see `leave` in store/lua/include/base.lua.
HAS_ENDED = {b"ended": True, b"more": False}


class EventSubscription:
    """Watch executions, then iterate: each wake-up, and None after a reconnection (look at all).

    The first wake-up of an execution comes when its subscription stands: from then on none is missed.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._watched: dict[str, str] = {}
        self._pubsub = redis.pubsub()
        self._is_open = True
        # Two tasks that subscribe at once on a pubsub without a connection would open one each.
        self._connecting = asyncio.Lock()

    async def watch(self, execution_id: str) -> None:
        """Start waking up for one execution, the first time as soon as nothing more can be missed."""
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

    async def _ask(self, silences: int) -> int:
        """Ask whether the server is there; a connection that leads nowhere is silent, and gives no error."""
        if silences == MOST_SILENCES:
            raise RedisConnectionError("the subscription gives no sign of life")
        await self._pubsub.ping()
        return silences + 1

    async def __aiter__(self) -> AsyncIterator[Wakeup | None]:
        tries = 0
        is_first = True
        while self._is_open:
            try:
                async with self._connecting:
                    await self._pubsub.subscribe(self._keys.quiet_channel(), *self._watched)
                if not is_first:
                    yield None
                is_first, tries, silences = False, 0, 0
                while self._is_open:
                    # Confirmations of subscriptions too are signs of life.
                    message = await self._pubsub.get_message(timeout=SILENCE_S)
                    silences = 0 if message else await self._ask(silences)
                    if message and message["type"] in ("message", "subscribe"):
                        execution_id = self._watched.get(message["channel"].decode())
                        if execution_id:
                            yield Wakeup(execution_id, _has_ended(message))
            except (RedisError, OSError) as error:
                log.warning("wakeups.reconnect", extra={"error": str(error)})
                tries += 1
                await asyncio.sleep(RECONNECT.pause_s(tries))
                async with self._connecting:
                    await self._close_pubsub()
                    self._pubsub = self._redis.pubsub()
                is_first = False


def _has_ended(message: Mapping[str, Any]) -> bool | None:
    """Read what a message says of the end; the confirmation of a subscription says nothing."""
    return HAS_ENDED.get(message["data"].rpartition(b" ")[2]) if message["type"] == "message" else None
