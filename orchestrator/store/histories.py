"""Reads events in portions: a typed event may have 256 KiB, and most lines have a few hundred bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from orchestrator.execution.model import Event
from orchestrator.redis_keys import Keys
from orchestrator.store.records import read_event

#: Events read at first; how many more at a time depends on how large they were.
FIRST = 32
#: Bytes of data after which no more are read.
MOST_BYTES = 4 * 1024 * 1024
#: Events that one scan looks at, and how many of them in one reply.
MOST_SCANNED = 20_000
PORTION = 1_000


@dataclass(frozen=True, slots=True)
class Scan:
    """A part of a history that was looked through.

    events       those wanted, in order.
    first, last  numbers of the outermost events that were looked at; None where there was none.
    """

    events: tuple[Event, ...]
    first: int | None
    last: int | None


async def read_history(redis: Any, key: str, execution_id: str, *, after: int, limit: int) -> list[Event]:
    """Read events in order, from number `after` + 1 on, up to a limit; fewer where `is_cut` says so."""
    found: list[Event] = []
    size, asked = 0, min(FIRST, limit)
    while asked > 0:
        first = found[-1].seq if found else after
        rows = await redis.xrange(key, f"{first + 1}-0", "+", count=asked)
        found += [read_event(execution_id, entry_id, fields) for entry_id, fields in rows]
        if len(rows) < asked:
            break
        size = data_bytes(found)
        room = (MOST_BYTES - size) * len(found) // max(size, 1)
        asked = min(limit - len(found), max(room, FIRST)) if size < MOST_BYTES else 0
    return found


class Histories:
    """Looks through histories without reading them whole."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def scan(
        self,
        execution_id: str,
        is_wanted: Callable[[Event], bool],
        *,
        after: int = 0,
        before: int | None = None,
        is_backward: bool = False,
        limit: int = MOST_SCANNED,
        is_last: Callable[[Event], bool] = lambda _: False,
    ) -> Scan:
        """Look through the events between two numbers, in either direction, for those that are wanted.

        Ends at the limit, with an event that `is_last`, and once MOST_SCANNED or MOST_BYTES were looked at.
        """
        key, found, reach = self._keys.events(execution_id), [], _Reach()
        low, high = after + 1, before
        asked, is_over = min(FIRST, limit), False
        while not is_over:
            bounds = f"{low}-0", "+" if high is None else f"({max(high, 1)}-0"
            if is_backward:
                rows = await self._redis.xrevrange(key, *bounds[::-1], count=asked)
            else:
                rows = await self._redis.xrange(key, *bounds, count=asked)
            is_over = len(rows) < asked
            for entry_id, fields in rows:
                event = read_event(execution_id, entry_id, fields)
                reach.add(event)
                if is_wanted(event):
                    found.append(event)
                if len(found) == limit or is_last(event):
                    is_over = True
                    break
            if is_backward:
                high = reach.first
            else:
                low = (reach.last or after) + 1
            # Where few are wanted, the next reply may be large; where all are, it has what is missing.
            hoped_for = (limit - len(found)) * reach.count // max(len(found), 1)
            asked = min(reach.room, max(hoped_for, FIRST))
            is_over = is_over or asked == 0
        return Scan(tuple(found[::-1] if is_backward else found), reach.first, reach.last)

    async def bounds(self, execution_id: str) -> tuple[int, int]:
        """Read the numbers of the first and the last event; (1, 0) where there is none."""
        key, pipe = self._keys.events(execution_id), self._redis.pipeline(transaction=False)
        pipe.xrange(key, count=1)
        pipe.xrevrange(key, count=1)
        first, last = await pipe.execute()
        return (_seq_of(first[0][0]), _seq_of(last[0][0])) if first and last else (1, 0)

    async def last_until(self, execution_id: str, until_ms: int, *, first: int, last: int) -> int:
        """Find the last event between two that is no later than a moment; `first` - 1 where there is none.

        In a few looks, however long the history: times grow with numbers.
        """
        low, high = first - 1, last
        while low < high:
            middle = (low + high + 1) // 2
            rows = await self._redis.xrange(self._keys.events(execution_id), f"{middle}-0", "+", count=1)
            if not rows or int(rows[0][1][b"ts_ms"]) > until_ms:
                high = middle - 1
            else:
                low = middle
        return low


@dataclass(slots=True)
class _Reach:
    """How far a scan has come."""

    count: int = 0
    size_bytes: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, event: Event) -> None:
        self.count += 1
        self.size_bytes += len(event.data)
        self.first = event.seq if self.first is None else min(self.first, event.seq)
        self.last = event.seq if self.last is None else max(self.last, event.seq)

    @property
    def room(self) -> int:
        """How many events the next reply may have; 0 where the scan has looked at enough."""
        if self.size_bytes >= MOST_BYTES:
            return 0
        fitting = (MOST_BYTES - self.size_bytes) * self.count // max(self.size_bytes, 1)
        return min(max(fitting, FIRST), PORTION, MOST_SCANNED - self.count)


def data_bytes(events: list[Event]) -> int:
    """Count the bytes of what events say."""
    return sum(len(event.data) for event in events)


def is_cut(events: list[Event]) -> bool:
    """Whether more events may follow these, fewer as they are than was asked for."""
    return data_bytes(events) >= MOST_BYTES


def _seq_of(entry_id: bytes) -> int:
    return int(entry_id.split(b"-")[0])
