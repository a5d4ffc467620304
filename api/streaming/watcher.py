"""One client's place in one history: gives it every event, or hands events over as they come.

A watcher is a cursor, not a copy: it takes at most a page at a time, from the lines its channel keeps in
memory or, further back, from the store. However slow it is it costs no more memory than that page, and
every line it gets is the next one.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from api.schemas.events import Line, Wire, gap
from api.streaming.listener import PING, Body, Listener, Send

if TYPE_CHECKING:
    from api.streaming.channel import Channel

#: Lines that are news, and sent at once; more are a replay, of which there are only a few at a time.
NEWS = 32


class Watcher(Listener):
    """One client's place in one history.

    send  hands a part of the response to the server; None where the client is not a response.
    """

    __slots__ = ("_unfinished", "channel", "cursor", "send", "wire")

    def __init__(
        self,
        channel: Channel,
        *,
        after: int,
        wire: Wire,
        send: Send | None = None,
        ping: bytes | None = PING,
        credential: str | None = None,
    ) -> None:
        super().__init__(ping=ping, credential=credential)
        self.channel = channel
        self.send = send
        #: Id of the last line handed out.
        self.cursor = after
        self.wire = wire
        #: What is left of a chunk that was pushed and that the client did not take at once.
        self._unfinished: Awaitable[None] | None = None

    async def next_chunk(self) -> bytes | None:
        """Wait for what comes next. None when the history has ended, the client left or the process stops."""
        while not self._is_closed:
            lines = self.channel.lines_after(self.cursor)
            if lines is None or len(lines) > NEWS:
                lines = await self._replayed()
                if lines is None or self._is_closed:
                    return None  # purged under us, or left meanwhile
            if lines:
                return self._take(lines)
            if self.channel.ended_at is not None and self.cursor >= self.channel.ended_at:
                return None
            if self._is_ping_due():
                return self.ping
            self._wake = self._loop.create_future()
            await self._wake
            if self._unfinished is not None:
                rest, self._unfinished = self._unfinished, None
                await self.hand_over(rest)
        return None

    async def _replayed(self) -> list[Line] | None:
        """Read a page of what is past, when it is this watcher's turn to. None when it is there no more."""
        async with self.channel.replays:
            # Without this a kept page and a client that takes it would never let the loop look at others.
            await asyncio.sleep(0)
            lines = self.channel.lines_after(self.cursor)
            return await self.channel.older_lines(self.cursor) or None if lines is None else lines

    def push(self, body: Body, upto: int) -> None:
        """Hand a chunk to a client that waits for one, at once: without it a task is woken for every client.

        body, upto  the chunk that follows the cursor, and the id of its last line.
        """
        assert self.send is not None
        self.cursor = upto
        self._active_s = self._loop.time()
        sending = self.send(body)
        try:
            awaited = sending.send(None)
        except StopIteration:
            return
        except Exception as error:
            self._fail(error)
            return
        self._unfinished = _rest_of(sending, awaited)
        self.wake()

    @property
    def is_waiting(self) -> bool:
        """Whether it has everything handed out so far and waits for more."""
        return self._wake is not None and not self._wake.done()

    def _fail(self, error: Exception) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_exception(error)

    def _take(self, lines: list[Line]) -> bytes:
        after, self.cursor = self.cursor, lines[-1].seq
        self._active_s = self._loop.time()
        chunk = lines[0].on(self.wire)
        if len(lines) > 1:
            chunk = b"".join([line.on(self.wire) for line in lines])
        if lines[0].seq == after + 1:
            return chunk
        return gap(self.channel.execution_id, after=after, upto=lines[0].seq, wire=self.wire) + chunk


@types.coroutine
def _rest_of(sending: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that was run up to where it first waits, for `awaited`."""
    while True:
        try:
            sent = yield awaited
        except BaseException as error:
            step = partial(sending.throw, error)
        else:
            step = partial(sending.send, sent)
        try:
            awaited = step()
        except StopIteration:
            return
