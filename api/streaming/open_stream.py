"""Responses that last as long as their client listens and there may be more."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import Generic, TypeVar, cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.streaming.listener import Listener, body_of, until_gone
from api.streaming.listener import Send as SendNow
from orchestrator.errors import HeadraceError

log = logging.getLogger("headrace.api.streaming")

#: No buffering or rewriting on the way.
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

L = TypeVar("L", bound=Listener)


class OpenStream(Response, ABC, Generic[L]):
    """A response that hands over what a listener is given, to its end.

    Not a StreamingResponse: that costs a task group per client and a layer of generators per line.
    """

    def __init__(self, *, media_type: str, head: bytes, subject: dict[str, str]) -> None:
        """Take what is sent before everything else, and what the stream is about, for the log."""
        super().__init__(None, 200, HEADERS, media_type)
        del self.headers["content-length"]
        self._head = head
        self._subject = subject

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Joined here, not when built: a client gone before the first byte never gets this far, and leaks
        # nothing. What a server gives to send with is a coroutine function; ASGI only promises an awaitable.
        listener = self._join(cast(SendNow, send))
        gone = asyncio.ensure_future(until_gone(receive))
        gone.add_done_callback(lambda _: listener.close())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await listener.hand_over(send(body_of(self._head)))
            await self._pass_on(listener, send)
            await listener.hand_over(send({"type": "http.response.body", "body": b""}))
        except TimeoutError:
            return  # it takes nothing; without an end to the response the server cuts the connection
        except HeadraceError as error:
            # As above: a client that is cut off comes back behind the last event that it has.
            log.warning("stream.cut", extra={**self._subject, "error": str(error)})
        finally:
            gone.cancel()
            self._leave(listener)

    @abstractmethod
    def _join(self, send: SendNow) -> L:
        """Begin to listen."""

    @abstractmethod
    def _leave(self, listener: L) -> None:
        """Listen no more."""

    async def _pass_on(self, listener: L, send: Send) -> None:
        while (chunk := await listener.next_chunk()) is not None:
            await listener.hand_over(send(body_of(chunk)))
