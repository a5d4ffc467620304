"""A client of a response that lasts: when it gets a ping, is given up, or is sent away."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.types import Receive

#: A comment goes out after this long without a line.
PING_AFTER_S = 15.0
#: A client that takes nothing for this long is given up; it comes back by itself.
STALLED_AFTER_S = 30.0
PING = b": ping\n\n"

Body = dict[str, Any]
Send = Callable[[Body], Coroutine[Any, Any, None]]


def body_of(chunk: bytes) -> Body:
    """Wrap a chunk of a response that goes on, as the server takes it."""
    return {"type": "http.response.body", "body": chunk, "more_body": True}


async def until_gone(receive: Receive) -> None:
    """Wait for the client of a request to leave."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Listener(ABC):
    """What all clients have in common, whatever they listen to.

    ping        given after PING_AFTER_S without a line; None for nothing.
    credential  the key or session that opened the stream; None for one that came without.
    """

    __slots__ = (
        "_active_s",
        "_is_closed",
        "_is_given_up",
        "_loop",
        "_sending",
        "_wake",
        "credential",
        "ping",
    )

    def __init__(self, *, ping: bytes | None = PING, credential: str | None = None) -> None:
        self.ping = ping
        self.credential = credential
        self._loop = asyncio.get_running_loop()
        self._wake: asyncio.Future[None] | None = None
        self._is_closed = False
        self._is_given_up = False
        #: Loop time of the last progress: a chunk made, or one taken by the client.
        self._active_s = self._loop.time()
        #: The task that is handing a chunk to the client; None while there is none on the way.
        self._sending: asyncio.Task[Any] | None = None

    @abstractmethod
    async def next_chunk(self) -> bytes | None:
        """Wait for what comes next. None when there is no more, the client left or the process stops."""

    async def hand_over(self, sending: Awaitable[None]) -> None:
        """Await the client taking a chunk. Raises TimeoutError when it takes nothing for too long."""
        task = self._sending = asyncio.current_task()
        assert task is not None
        try:
            await sending
        except asyncio.CancelledError:
            if not self._is_given_up:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            self._sending = None
        self._active_s = self._loop.time()

    def tend(self) -> None:
        """Wake for a ping that is due; give up on a client that is stuck."""
        idle_s = self._loop.time() - self._active_s
        if self._sending is None:
            if idle_s >= PING_AFTER_S:
                self.wake()
        elif idle_s >= STALLED_AFTER_S and not self._is_given_up:
            self._is_given_up = True
            self._sending.cancel()

    def wake(self) -> None:
        """Make `next_chunk` look again."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def close(self) -> None:
        """End the stream: the client left, or the process is going down."""
        self._is_closed = True
        self.wake()

    def _is_ping_due(self) -> bool:
        """Whether a ping is due; when it is, it counts as given."""
        if self.ping is None or self._loop.time() - self._active_s < PING_AFTER_S:
            return False
        self._active_s = self._loop.time()
        return True
