"""One execution's history as this process follows it, and the places of its watchers in it.

A watcher is a cursor, not a copy: it takes at most a page at a time, from the lines its channel keeps in
memory or, further back, from the store. However slow it is it costs no more memory than that page, and
every line it gets is the next one.
"""

import asyncio
import logging
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from itertools import islice
from typing import Any

from api.schemas.events import Line, Wire, encode, gap
from api.streaming.history import PAGE, History
from clients.backoff import Backoff
from orchestrator.engine import Engine
from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import Event

log = logging.getLogger("headrace.api.streaming")

#: After a subscription or a history could not be read.
READ_AGAIN = Backoff(first_s=0.05, most_s=2.0)
#: Lines a channel keeps in memory for watchers that are nearly up to date.
RING = 1024
RING_BYTES = 1 << 20
#: A comment goes out after this long without a line.
PING_AFTER_S = 15.0
#: A client that takes nothing for this long is given up; it resumes by Last-Event-ID.
STALLED_AFTER_S = 30.0

#: Events come in bursts, and a burst should reach a crowd as one chunk: for each watcher there is, news is
#: held back this long before it goes out. To send it takes several times as long.
GATHER_S = 3e-6
MOST_GATHER_S = 0.02
#: Watchers served before others get their turn in the event loop.
TURN = 256

PING = b": ping\n\n"

Body = dict[str, Any]
Send = Callable[[Body], Coroutine[Any, Any, None]]


def body_of(chunk: bytes) -> Body:
    """Wrap a chunk of a response that goes on, as the server takes it."""
    return {"type": "http.response.body", "body": chunk, "more_body": True}


class Watcher:
    """One client's place in one history.

    send  hands a part of the response to the server; None where the client is not a response.
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
        "cursor",
        "send",
        "wire",
    )

    def __init__(self, channel: "Channel", *, after: int, wire: Wire, send: Send | None = None) -> None:
        self.channel = channel
        self.send = send
        #: Id of the last line handed out.
        self.cursor = after
        self.wire = wire
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
            if lines is None:
                lines = await self.channel.older_lines(self.cursor)
                if not lines:
                    return None  # purged under us
            if lines:
                return self._take(lines)
            if self.channel.ended_at is not None and self.cursor >= self.channel.ended_at:
                return None
            if self.wire == "sse" and self._loop.time() - self._active_s >= PING_AFTER_S:
                self._active_s = self._loop.time()
                return PING
            self._wake = self._loop.create_future()
            await self._wake
            if self._unfinished is not None:
                rest, self._unfinished = self._unfinished, None
                await self.hand_over(rest)
        return None

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


class Channel:
    """An execution that is watched: a ring of its latest lines, kept up to date from the store."""

    def __init__(self, execution_id: str, engine: Engine, history: History) -> None:
        self.execution_id = execution_id
        self.watchers: set[Watcher] = set()
        #: Seq of the line that ended the history for good; None while more may come.
        self.ended_at: int | None = None
        self._engine = engine
        self._history = history
        self._ring: deque[Line] = deque()
        self._ring_bytes = 0
        #: The ring holds every line with floor < seq <= last. None until first read.
        self._floor: int | None = None
        self._last = 0
        self._is_dirty = asyncio.Event()
        self._is_suspect = False

    def mark(self, *, is_suspect: bool = False) -> None:
        """There may be news. is_suspect: the store was away, and may even have come back with less."""
        self._is_suspect = self._is_suspect or is_suspect
        self._is_dirty.set()

    def lines_after(self, cursor: int) -> list[Line] | None:
        """Give up to a page of lines; none when nothing is newer, None when the ring begins later."""
        if self._floor is None:
            return []
        if cursor < self._floor:
            return None
        if cursor >= self._last:
            return []
        # Dense but for a hole in front (a trimmed history), so that the place follows from the id.
        start = max(0, len(self._ring) - (self._last - cursor))
        if start == len(self._ring) - 1:
            return [self._ring[-1]]
        return list(islice(self._ring, start, start + PAGE))

    async def older_lines(self, cursor: int) -> list[Line]:
        """Read a page from further back than the ring; empty when the store cannot give it."""
        try:
            return await self._history.page(self.execution_id, cursor)
        except Exception as error:
            # The stream ends here and the client resumes by its last id: better than a gap.
            log.warning(
                "stream.replay_failed", extra={"execution_id": self.execution_id, "error": str(error)}
            )
            return []

    async def follow(self) -> None:
        """Keep the ring up to date until cancelled. The caller has subscribed already."""
        tries = 0
        while True:
            self._is_dirty.clear()
            try:
                await self._read_news()
            except ExecutionNotFound:
                self._end()
                return
            except Exception as error:
                log.warning(
                    "stream.read_failed", extra={"execution_id": self.execution_id, "error": str(error)}
                )
                tries += 1
                await asyncio.sleep(READ_AGAIN.pause_s(tries))
                continue
            tries = 0
            await self._is_dirty.wait()
            if len(self.watchers) >= TURN:
                await asyncio.sleep(min(MOST_GATHER_S, GATHER_S * len(self.watchers)))

    async def _read_news(self) -> None:
        if self._floor is None or self._is_suspect:
            await self._find_place()
        while True:
            events = await self._events()
            if events and events[0].seq != self._last + 1:
                # Scripts write ids densely, so that a hole is a trimmed history, or a read that raced a trim.
                events = await self._events()
            for event in events:
                self._append(encode(event))
            if events:
                self.ended_at = None
            await self._serve_all()
            if len(events) < RING:
                break
        if self.ended_at is None and (not self._last or (self._ring and self._ring[-1].is_terminal)):
            # A retry puts more lines behind a terminal one, so that the status has the last word.
            status = await self._engine.executions.status(self.execution_id)
            if status.is_terminal:
                self._end()

    async def _find_place(self) -> None:
        last = await self._engine.events.last_seq(self.execution_id)
        self._is_suspect = False
        if self._floor is not None and last >= self._last:
            return
        self._ring.clear()
        self._ring_bytes = 0
        self._floor = self._last = max(0, last - PAGE)
        for watcher in self.watchers:
            # Ids that the store lost will be given again; what comes under them now is new.
            watcher.cursor = min(watcher.cursor, last) if last else watcher.cursor

    async def _events(self) -> list[Event]:
        return list(await self._engine.events.list(self.execution_id, after=self._last, limit=RING))

    def _append(self, line: Line) -> None:
        self._ring.append(line)
        self._ring_bytes += line.size_bytes
        self._last = line.seq
        while len(self._ring) > RING or (self._ring_bytes > RING_BYTES and len(self._ring) > 1):
            dropped = self._ring.popleft()
            self._ring_bytes -= dropped.size_bytes
            self._floor = dropped.seq

    def _end(self) -> None:
        self.ended_at = self._last
        self._floor = self._last if self._floor is None else self._floor
        self._wake_all()

    async def _serve_all(self) -> None:
        """Hand what is new to everybody who waits for just that; wake the others to look for themselves."""
        made: dict[tuple[int, Wire], tuple[Body, int] | None] = {}
        for number, watcher in enumerate(tuple(self.watchers), start=1):
            if watcher.send is None or not watcher.is_waiting:
                watcher.wake()
                continue
            place = (watcher.cursor, watcher.wire)
            if place not in made:
                made[place] = self._body_after(*place)
            if (found := made[place]) is not None:
                watcher.push(*found)
            else:
                watcher.wake()
            if number % TURN == 0:
                await asyncio.sleep(0)

    def _body_after(self, cursor: int, wire: Wire) -> tuple[Body, int] | None:
        """Give all that follows a cursor as one part of a response; None when it takes a closer look."""
        lines = self.lines_after(cursor)
        if not lines or lines[0].seq != cursor + 1 or lines[-1].seq != self._last:
            return None
        return body_of(b"".join([line.on(wire) for line in lines])), self._last

    def _wake_all(self) -> None:
        for watcher in self.watchers:
            watcher.wake()
