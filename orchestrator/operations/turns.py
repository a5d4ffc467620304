"""Work that would hold up an event loop, done in a thread, one piece after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from orchestrator.errors import TooBusy

#: Longer texts are read and compiled in the thread: a byte of YAML or of a definition takes about 1 µs.
LONG_BYTES = 16 * 1024
#: Documents in the thread or waiting for it; one takes up to some seconds.
MOST_WAITING = 16

Done = TypeVar("Done")


class Turns:
    """One thread that all large documents pass through.

    A step of a thread may hold the loop up for a moment, and those of many threads add up.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="documents")
        self._waiting = 0

    async def take(self, work: Callable[[], Done]) -> Done:
        """Do the work in the thread, in turn. Raises TooBusy while enough others wait, and what it raises."""
        if self._waiting >= MOST_WAITING:
            raise TooBusy(f"{MOST_WAITING} large documents are being checked already; try again")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1

    async def read(self, text: bytes | str, work: Callable[[], Done]) -> Done:
        """Do work on a text, at once where it is short. Raises TooBusy, and what the work raises."""
        return await self.take(work) if len(text) > LONG_BYTES else work()
