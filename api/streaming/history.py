"""Older history, read from the store once for all who ask for the same page at a time."""

import asyncio
from collections import OrderedDict

from api.schemas.events import Line, encode
from orchestrator.engine import TenantEngine

#: Lines in a page, and so the most that are ever held for one watcher.
PAGE = 256
#: Full pages kept for watchers that replay side by side; bytes over the whole process.
KEPT_BYTES = 8 << 20
#: Pages given out in one turn of the event loop, however many watchers replay: the others have to be served.
REPLAYS = 4


class History:
    """Pages of any execution's events."""

    def __init__(self, engine: TenantEngine) -> None:
        #: Held by a watcher while it takes a page.
        self.replays = asyncio.Semaphore(REPLAYS)
        self._engine = engine
        self._kept: OrderedDict[tuple[str, int], list[Line]] = OrderedDict()
        self._kept_bytes = 0
        self._reading: dict[tuple[str, int], asyncio.Task[list[Line]]] = {}

    async def page(self, execution_id: str, after: int) -> list[Line]:
        """Give up to PAGE lines behind the line `after`."""
        key = (execution_id, after)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.ensure_future(self._read(execution_id, after))
            reading.add_done_callback(lambda _: self._reading.pop(key, None))
        # Shielded: one watcher that leaves must not take the page away from the others.
        return await asyncio.shield(reading)

    def forget(self) -> None:
        """Drop what is kept: the store may not be the one it was read from."""
        self._kept.clear()
        self._kept_bytes = 0

    async def _read(self, execution_id: str, after: int) -> list[Line]:
        lines = [
            encode(event) for event in await self._engine.events.list(execution_id, after=after, limit=PAGE)
        ]
        if len(lines) == PAGE:  # a short page may still grow
            self._kept[execution_id, after] = lines
            self._kept_bytes += _size(lines)
            while self._kept_bytes > KEPT_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= _size(dropped)
        return lines


def _size(lines: list[Line]) -> int:
    return sum(line.size_bytes for line in lines)
