"""What a container writes, line by line, as its run hands it on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Literal

from headrace.tools import OnLine

#: What of a container's output goes into the history of the execution.
MOST_LINES = 2_000
LINE_MAX_BYTES = 2_000


def in_this_loop(on_line: OnLine) -> OnLine:
    """Make of it what another thread may call: the lines come in the event loop, in their order."""
    loop = asyncio.get_running_loop()

    def pass_on(stream: Literal["stdout", "stderr"], line: str) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody reads them any more.
            loop.call_soon_threadsafe(on_line, stream, line)

    return pass_on


class LineLog:
    """Parts one stream into lines and hands them on, up to a number: a history is not a log store."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._kept = b""
        self._count = 0

    def feed(self, data: bytes) -> None:
        if self._count > MOST_LINES:
            return
        *lines, self._kept = (self._kept + data).split(b"\n")
        for line in lines:
            self._give(line)
        # A line without an end must not be collected without one.
        while len(self._kept) > LINE_MAX_BYTES:
            self._give(self._kept[:LINE_MAX_BYTES])
            self._kept = self._kept[LINE_MAX_BYTES:]

    def close(self) -> None:
        if self._kept:
            self._give(self._kept)
            self._kept = b""

    def _give(self, line: bytes) -> None:
        self._count += 1
        if self._count <= MOST_LINES:
            self._on_line(line[:LINE_MAX_BYTES].decode("utf-8", errors="replace").rstrip("\r"))
        elif self._count == MOST_LINES + 1:
            self._on_line(f"only the first {MOST_LINES} lines are kept")
