"""Reads events in portions: a typed event may have 256 KiB, and most lines have a few hundred bytes."""

from __future__ import annotations

from typing import Any

from orchestrator.execution.model import Event
from orchestrator.store.records import read_event

#: Events read at first; how many more at a time depends on how large they were.
FIRST = 32
#: Bytes of data after which no more are read.
MOST_BYTES = 4 * 1024 * 1024


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


def data_bytes(events: list[Event]) -> int:
    """Count the bytes of what events say."""
    return sum(len(event.data) for event in events)


def is_cut(events: list[Event]) -> bool:
    """Whether more events may follow these, fewer as they are than was asked for."""
    return data_bytes(events) >= MOST_BYTES
