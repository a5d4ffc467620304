"""The live stream for lists of one tenant: rows of its newest executions, each time they change.

A list of executions changes with every step of each of them. To follow these one by one, as a page with one
execution does, would take a subscription for each row, and the work would grow with all that happens. So a
feed looks: twice a second at most it reads a mark of each of the newest rows, two commands for a row and none
of its documents, and reads whole only those whose mark is another one. That costs the same however many
executions there are, however busy they are and however many clients watch; a feed without watchers is closed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

from api.schemas.views import execution_fields
from api.streaming.listener import Listener
from headrace.backoff import Backoff
from orchestrator.documents import exact_json
from orchestrator.engine import TenantEngine
from orchestrator.execution.model import Execution
from orchestrator.operations.recent import Mark, Sight

log = logging.getLogger("headrace.api.streaming")

#: Rows that are looked at: older ones are beyond the part of a list that is shown.
ROWS = 300
#: Between two looks; or so many times as long as a look took, so that a busy process is left to others.
LOOK_EVERY_S = 0.5
REST = 9
#: After a look has failed.
LOOK_AGAIN = Backoff(first_s=0.5, most_s=5.0)

READY = b"event: ready\ndata: {}\n\n"


class Feed:
    """What has changed lately, numbered: a watcher only remembers the number up to which it has seen it.

    Of each row there is the newest frame alone, so that a slow watcher costs nothing and misses only what was
    overtaken.
    """

    def __init__(self, engine: TenantEngine) -> None:
        self.watchers: set[FeedWatcher] = set()
        self.tenant = engine.tenant
        #: Of the newest change; None before the first look, behind which everything is a change.
        self.number: int | None = None
        self._recent = engine.recent
        self._marks: Mapping[str, Mark] = {}
        #: By execution, in ascending order of the numbers.
        self._frames: dict[str, tuple[int, bytes]] = {}
        self._removed: dict[str, None] = {}
        self._totals: tuple[int, bytes] = (0, b"")
        #: What follows a number, for all watchers that have come as far.
        self._chunks: dict[int, bytes] = {}

    @property
    def totals(self) -> bytes:
        """The frame with what is to be done."""
        return self._totals[1]

    def after(self, number: int) -> bytes:
        """Give the frames that are newer than a number."""
        if number not in self._chunks:
            found = [self.totals] if self._totals[0] > number else []
            for each, frame in reversed(self._frames.values()):
                if each <= number:
                    break
                found.append(frame)
            self._chunks[number] = b"".join(reversed(found))
        return self._chunks[number]

    async def follow(self) -> None:
        """Look at intervals until the last watcher has left."""
        loop, tries = asyncio.get_running_loop(), 0
        # Looked at here too: a cancel can be swallowed on the way, see `Channel.follow`.
        while self.watchers:
            began_s = loop.time()
            try:
                await self.look()
            except Exception as error:
                log.warning("feed.look_failed", extra={"tenant": self.tenant, "error": str(error)})
                tries += 1
                await asyncio.sleep(LOOK_AGAIN.pause_s(tries))
                continue
            tries = 0
            await asyncio.sleep(max(LOOK_EVERY_S, REST * (loop.time() - began_s)))

    async def look(self) -> None:
        """Find what has changed since the last look, and wake those who wait for it."""
        sight = await self._recent.sight(ROWS)
        is_first, before = self.number is None, self._marks
        changed = [] if is_first else [each for each, mark in sight.marks.items() if before.get(each) != mark]
        rows = await self._recent.rows(changed) if changed else []
        missing = [each for each in before if each not in sight.marks]
        gone = await self._recent.gone(missing) if missing else []
        # Nothing is taken over before all has been read: a look that fails is made again.
        newest = self.number
        self._take(sight, rows, gone)
        if self.number != newest:
            for watcher in self.watchers:
                watcher.wake()

    def _take(self, sight: Sight, rows: Iterable[Execution], gone: Iterable[str]) -> None:
        self._marks, self._chunks = sight.marks, {}
        self.number = self.number or 0
        # The oldest first, as they would have come one by one.
        for row in sorted(rows, key=lambda row: (row.created_ms, row.execution_id)):
            self._put(row.execution_id, _frame(b"execution", execution_fields(row)))
        for execution_id in gone:
            self._put(execution_id, _frame(b"removed", {"execution_id": execution_id}))
            self._removed[execution_id] = None
        totals = _frame(b"totals", {"approvals": sight.approvals, "dead": sight.dead})
        if totals != self.totals:
            self.number += 1
            self._totals = (self.number, totals)
        self._forget()

    def _put(self, execution_id: str, frame: bytes) -> None:
        """Number a frame, unless it is what was sent of that row before: lines of a log change none."""
        assert self.number is not None
        before = self._frames.get(execution_id)
        if before is not None and before[1] == frame:
            return
        self._frames.pop(execution_id, None)
        self.number += 1
        self._frames[execution_id] = (self.number, frame)

    def _forget(self) -> None:
        """Let go of rows that newer ones have pushed out, and of all but the last removals."""
        while len(self._removed) > ROWS:
            del self._removed[next(iter(self._removed))]
        for each in [each for each in self._frames if each not in self._marks and each not in self._removed]:
            del self._frames[each]


class FeedWatcher(Listener):
    """One client of a feed."""

    __slots__ = ("_number", "feed")

    def __init__(self, feed: Feed, *, credential: str | None = None) -> None:
        super().__init__(credential=credential)
        self.feed = feed
        #: Of the newest change it has seen; None before it was greeted.
        self._number: int | None = None

    async def next_chunk(self) -> bytes | None:
        """Wait for what comes next: a greeting first. None when the client left or the process stops."""
        while not self._is_closed:
            newest = self.feed.number
            if newest is not None and self._number != newest:
                seen, self._number = self._number, newest
                self._active_s = self._loop.time()
                # Only now, for what changes from here on will be seen: who reads a list next misses nothing.
                return READY + self.feed.totals if seen is None else self.feed.after(seen)
            if self._is_ping_due():
                return self.ping
            self._wake = self._loop.create_future()
            await self._wake
        return None


def _frame(event: bytes, fields: Mapping[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event, exact_json.dumps(fields))
