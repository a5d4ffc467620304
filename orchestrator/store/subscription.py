"""Notifies one process of executions with new events: one subscription, however many executions it watches.

A message is only a wake-up; what happened is read from the history. So a lost message costs time, never an
event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from clients.redis_listener import Listener, Message
from headrace.backoff import Backoff
from orchestrator.redis_keys import Keys

log = logging.getLogger("headrace.wakeups")

#: After the connection was lost.
RECONNECT = Backoff(first_s=0.1, most_s=2.0)
#: A subscription that has been silent for this long is pinged, and given up after so many pings.
SILENCE_S = 5.0
MOST_SILENCES = 2


class Topic(NamedTuple):
    """What is watched: all news of an execution, or its end alone."""

    execution_id: str
    is_end: bool = False


class Wakeup(NamedTuple):
    """There is news of what is watched; at the first wake-up, `is_first`, there may be some from before.

    told  the message of an end to `own_channel`, for a waiter who asked for the outcome.
    """

    topic: Topic
    is_first: bool = False
    told: bytes = b""


class EventSubscription:
    """Watch topics, then iterate: each wake-up, and None after a reconnection (look at all).

    The first wake-up of a topic comes when its subscription stands: from then on none is missed. An execution
    whose `waiter` is `own_channel` need not be watched: its end wakes while `is_standing`.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._watched: dict[str, Topic] = {}
        self.own_channel = keys.waiter_channel(token_hex(6))
        #: Whether what is published on it arrives.
        self.is_standing = self._has_stood = False
        self._listener: Listener | None = None
        self._is_open = True

    async def watch(self, topic: Topic) -> None:
        """Start waking up for a topic, the first time as soon as nothing more can be missed."""
        channel = self._channel(topic)
        self._watched[channel] = topic
        # Without a connection the iteration subscribes once there is one.
        if self._listener is not None:
            self._listener.subscribe(channel)

    async def unwatch(self, topic: Topic) -> None:
        channel = self._channel(topic)
        if self._watched.pop(channel, None) and self._listener is not None:
            self._listener.unsubscribe(channel)

    async def aclose(self) -> None:
        """End it, and the iteration with it."""
        self._is_open = False
        await self._hang_up()

    async def _hang_up(self) -> None:
        self.is_standing = False
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()

    def _read(self, message: Message) -> Wakeup | None:
        if message.channel == self.own_channel:
            execution_id, more, _ = message.data.partition(b" ")
            return Wakeup(Topic(execution_id.decode(), is_end=True), told=message.data if more else b"")
        topic = self._watched.get(message.channel)
        return Wakeup(topic, message.is_first) if topic else None

    def _channel(self, topic: Topic) -> str:
        """See `leave` in store/lua/include/base.lua."""
        return (self._keys.end_channel if topic.is_end else self._keys.events)(topic.execution_id)

    def _ask(self, silences: int, listener: Listener) -> int:
        """Ask whether the server is there; a connection that leads nowhere is silent, and gives no error."""
        if silences == MOST_SILENCES:
            raise RedisConnectionError("the subscription gives no sign of life")
        listener.ping()
        return silences + 1

    async def __aiter__(self) -> AsyncIterator[Wakeup | None]:
        tries = silences = 0
        while self._is_open:
            try:
                await self._hang_up()
                listener = Listener(self._redis)
                await listener.open()
                self._listener = listener
                listener.subscribe(self.own_channel, *self._watched)
                while self._is_open:
                    message = await listener.next(SILENCE_S)
                    if message is None:
                        silences = self._ask(0 if listener.has_heard() else silences, listener)
                    elif message.is_first and message.channel == self.own_channel:
                        is_again, self._has_stood = self._has_stood, True
                        self.is_standing, tries = True, 0
                        # Only now: an end that comes behind a look is heard.
                        if is_again:
                            yield None
                    elif (wakeup := self._read(message)) is not None:
                        yield wakeup
            except (RedisError, OSError) as error:
                if self._is_over():
                    break
                log.warning("wakeups.reconnect", extra={"error": str(error)})
                await self._hang_up()
                tries += 1
                await asyncio.sleep(RECONNECT.pause_s(tries))
                silences = 0
        await self._hang_up()

    def _is_over(self) -> bool:
        return not self._is_open
