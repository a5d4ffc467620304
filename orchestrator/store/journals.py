"""Reads journals of durable handlers, and inboxes of units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from redis.asyncio import Redis

from orchestrator.execution.letters import Entry, InboxState, Journal, Letter, Letters
from orchestrator.execution.model import NodeState
from orchestrator.redis_keys import Keys
from orchestrator.states import NodeStatus, WaitingOn

#: Bytes of entries read by one command, as far as their mean size says; and how many at most.
READ_BYTES = 4 * 1024 * 1024
MOST_AT_ONCE = 500
#: Letters read by one command.
FEW = 10


class Journals:
    """Reads the journal and the inbox of a unit."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def read(
        self, execution_id: str, unit: str, *, after: int = 0, limit: int | None = None
    ) -> Journal:
        """Read the snapshot of a journal and the entries behind it; those after `after`, `limit` at most.

        With a limit, no more than fit into an answer. It is read again where a snapshot was made
        meanwhile, and entries that it stands for are gone: so they follow on the snapshot without a gap.
        """
        while True:
            found, is_whole = await self._read_once(execution_id, unit, after, limit)
            if is_whole or await self._base(execution_id, unit) == found.through:
                return found

    async def _base(self, execution_id: str, unit: str) -> int:
        """Read the number of the newest entry that a snapshot stands for."""
        key = self._keys.key("journal", execution_id=execution_id)
        return int(await self._redis.hget(key, f"{unit}|base") or 0)

    async def _read_once(
        self, execution_id: str, unit: str, after: int, limit: int | None
    ) -> tuple[Journal, bool]:
        """Read it, and say whether every entry was there."""
        key = self._keys.key("journal", execution_id=execution_id)
        names = [f"{unit}|{field}" for field in ("last", "base", "bytes", "snap")]
        last, base, size, snapshot = await self._redis.hmget(key, names)
        through, newest = int(base or 0), int(last or 0)
        first = max(through, after) + 1
        end = newest if limit is None else min(newest, first + limit - 1)
        mean = max(1, int(size or 0) // max(1, newest - through))
        step = max(1, min(MOST_AT_ONCE, READ_BYTES // mean))
        entries: list[Entry] = []
        size_read, is_whole = 0, True
        for start in range(first, end + 1, step):
            numbers = range(start, min(start + step, end + 1))
            texts = await self._redis.hmget(key, [f"{unit}|{number}" for number in numbers])
            pairs = zip(numbers, texts, strict=True)
            entries += [Entry(number, text) for number, text in pairs if text is not None]
            is_whole = is_whole and None not in texts
            size_read += sum(len(text) for text in texts if text)
            if limit is not None and size_read >= READ_BYTES:
                break
        return Journal(newest, through, snapshot, tuple(entries), int(size or 0)), is_whole

    async def letters(self, execution_id: str, unit: str, *, limit: int) -> Letters:
        """Read the oldest letters of a unit that wait, `limit` at most, no more than fit into an answer."""
        key = self._keys.key("inbox", execution_id=execution_id)
        last, taken = await self._redis.hmget(key, [f"{unit}|last", f"{unit}|taken"])
        newest, oldest = int(last or 0), int(taken or 0) + 1
        numbers = range(oldest, min(newest, oldest + limit - 1) + 1)
        found: list[Letter] = []
        size_read = 0
        for start in range(0, len(numbers), FEW):
            some = numbers[start : start + FEW]
            texts = await self._redis.hmget(key, [f"{unit}|{number}" for number in some])
            # One that was taken meanwhile is gone.
            pairs = zip(some, texts, strict=True)
            found += [Letter(number, text) for number, text in pairs if text is not None]
            size_read += sum(len(text) for text in texts if text)
            if size_read >= READ_BYTES:
                break
        return Letters(newest, oldest - 1, tuple(found))

    async def inboxes(self, execution_id: str, units: Iterable[NodeState]) -> dict[str, InboxState]:
        """Read the inboxes of those of the units that wait for letters; costs nothing where none does."""
        waiting = [
            state.node_id
            for state in units
            if state.status is NodeStatus.WAITING and state.waiting_on is WaitingOn.INBOX
        ]
        return dict(await self._states(execution_id, waiting)) if waiting else {}

    async def _states(self, execution_id: str, units: Sequence[str]) -> list[tuple[str, InboxState]]:
        runtime = self._keys.runtime(execution_id)
        said = await self._redis.hmget(runtime, [f"waits_for|{unit}" for unit in units])
        names = [f"{unit}|{field}" for unit in units for field in ("last", "taken")]
        numbers = await self._redis.hmget(self._keys.key("inbox", execution_id=execution_id), names)
        return [
            (unit, InboxState(tuple(orjson.loads(text)) if text else (), int(last or 0) - int(taken or 0)))
            for unit, text, last, taken in zip(units, said, numbers[::2], numbers[1::2], strict=True)
        ]
