"""One client's place in one history: gives it every event, or hands events over as they come.

A watcher is a cursor, not a copy: it takes at most a page at a time, from the lines its channel keeps in
memory or, further back, from the store. However slow it is it costs no more memory than that page, and
every line it gets is the next one.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.types import Receive

from api.schemas.events import Line, Wire, gap

if TYPE_CHECKING:
    from api.streaming.channel import Channel

#: A comment goes out after this long without a line.
PING_AFTER_S = 15.0
#: A client that takes nothing for this long is given up; it resumes by Last-Event-ID.
STALLED_AFTER_S = 30.0
#: Lines that are news, and sent at once; more are a replay, of which there are only a few at a time.
NEWS = 32
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


class Watcher:
    """One client's place in one history.

    send  hands a part of the response to the server; None where the client is not a response.
    ping  given after PING_AFTER_S without a line; None for nothing.
    """

    __slots__ = (
        "_active_s",
        "_is_closed",
        "_is_given_up",
        "_loop",
        "_sending",
        "_unfinished",
        "_wake",
        "channel",
        "credential",
        "cursor",
        "ping",
        "send",
        "wire",
    )

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
        self.channel = channel
        self.ping = ping
        self.send = send
        #: Id of the last line handed out.
        self.cursor = after
        self.wire = wire
        #: The key or session that opened the stream; None for one that came without.
        self.credential = credential
        self._loop = asyncio.get_running_loop()
        self._wake: asyncio.Future[None] | None = None
        self._is_closed = False
        self._is_given_up = False
        #: Loop time of the last progress: a chunk made, or one taken by the client.
        self._active_s = self._loop.time()
        #: The task that is handing a chunk to the client; None while there is none on the way.
        self._sending: asyncio.Task[Any] | None = None
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
            if self.ping is not None and self._loop.time() - self._active_s >= PING_AFTER_S:
                self._active_s = self._loop.time()
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

    def _fail(self, error: Exception) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_exception(error)

    def close(self) -> None:
        """End the stream: the client left, or the process is going down."""
        self._is_closed = True
        self.wake()

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
