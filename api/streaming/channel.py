"""One execution's history as this process follows it: the newest lines in memory, shared by its watchers."""

import asyncio
import logging
from collections import deque
from itertools import islice

from api.schemas.events import Line, Wire, encode
from api.streaming.history import PAGE, History
from api.streaming.listener import Body, body_of
from api.streaming.watcher import Watcher
from headrace.backoff import Backoff
from orchestrator.engine import TenantEngine
from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import Event
from orchestrator.operations.events import is_cut

log = logging.getLogger("headrace.api.streaming")

#: After a subscription or a history could not be read.
READ_AGAIN = Backoff(first_s=0.05, most_s=2.0)
#: Lines a channel keeps in memory for watchers that are nearly up to date.
RING = 1024
RING_BYTES = 1 << 20

#: Events come in bursts, and a burst should reach a crowd as one chunk: for each watcher there is, news is
#: held back this long before it goes out. To send it takes several times as long.
GATHER_S = 3e-6
MOST_GATHER_S = 0.02
#: Watchers served before others get their turn in the event loop.
TURN = 256


class Channel:
    """An execution that is watched: a ring of its latest lines, kept up to date from the store."""

    def __init__(self, execution_id: str, engine: TenantEngine, history: History) -> None:
        self.execution_id = execution_id
        self.watchers: set[Watcher] = set()
        self.replays = history.replays
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
            if (task := asyncio.current_task()) is not None and task.cancelling():
                # Swallowed on the way: `asyncio.wait_for` of Python 3.11 does that to one at its end.
                raise asyncio.CancelledError
            await self._is_dirty.wait()
            if len(self.watchers) >= TURN:
                await asyncio.sleep(min(MOST_GATHER_S, GATHER_S * len(self.watchers)))

    async def _read_news(self) -> None:
        if self._floor is None or self._is_suspect:
            await self._find_place()
        events = await self._take_events()
        is_due = not self._last or not events or (self._ring and self._ring[-1].is_terminal)
        if self.ended_at is None and is_due:
            # A retry puts more lines behind a terminal one, so that the status has the last word. Woken for
            # nothing new: it may have been purged.
            status = await self._engine.executions.status(self.execution_id)
            if not status.is_terminal:
                return
            # It may have ended, or begun again, between the two reads: what came then is looked behind again.
            if await self._take_events():
                self._is_dirty.set()
            else:
                self._end()

    async def _take_events(self) -> list[Event]:
        """Read all that is new, and hand it out; gives the last part of it."""
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
            if len(events) < RING and not is_cut(events):
                return events

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
