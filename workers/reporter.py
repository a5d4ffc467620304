"""Collects what a handler logs and reports, numbered within its attempt, until it has been written."""

from __future__ import annotations

import threading
import time
from typing import Any

import orjson

from workers.context import HEARTBEAT

#: Lines kept until they are written; a handler that writes faster loses the surplus, and is told so once.
MOST_WAITING = 500
#: Lines sent by one script.
MOST_AT_ONCE = 100

Line = tuple[int, str, bytes]


class Reporter:
    """The event sink of one attempt. `emit` never blocks, never fails, and may be called from any thread.

    A line leaves when it is confirmed, not when it is sent: it has a number, so sending it again is harmless.
    Of heartbeats only the newest is kept: what it says is for the attempt that follows.
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._lock = threading.Lock()
        self._number = 0
        self._lost = 0
        self._beat = b""
        #: Monotonic seconds of the last sign of life.
        self.last_beat_s = time.monotonic()

    def emit(self, type: str, data: dict[str, Any]) -> None:
        self.last_beat_s = time.monotonic()
        with self._lock:
            if type == HEARTBEAT:
                self._beat = orjson.dumps(data["details"], default=repr)
                return
            if len(self._lines) >= MOST_WAITING:
                self._lost += 1
                return
            self._append(type, data)

    @property
    def has_lines(self) -> bool:
        return bool(self._lines)

    def waiting(self) -> list[Line]:
        """Give the oldest lines, at most MOST_AT_ONCE."""
        with self._lock:
            if self._lost and len(self._lines) < MOST_WAITING:
                message = f"{self._lost} lines were dropped: the handler wrote faster than they can be kept"
                self._lost = 0
                self._append("node.log", {"level": "warning", "message": message, "data": {}})
            return self._lines[:MOST_AT_ONCE]

    def rest(self) -> list[list[Line]]:
        """Give all lines that are left, in parts of at most MOST_AT_ONCE."""
        with self._lock:
            return [self._lines[i : i + MOST_AT_ONCE] for i in range(0, len(self._lines), MOST_AT_ONCE)]

    def beat(self) -> bytes:
        """Give the details of the newest heartbeat, JSON, until they are confirmed; b"" without news."""
        return self._beat

    def confirm_beat(self, text: bytes) -> None:
        """Let go of the details that were written, unless there are newer ones."""
        with self._lock:
            if self._beat == text:
                self._beat = b""

    def confirm(self, number: int) -> None:
        """Let go of lines up to this number: they are written."""
        with self._lock:
            self._lines = [line for line in self._lines if line[0] > number]

    def _append(self, type: str, data: dict[str, Any]) -> None:
        self._number += 1
        try:
            text = orjson.dumps(data, default=repr)
        except (TypeError, ValueError, RecursionError):
            text = orjson.dumps({"level": "warning", "message": ascii(data)[:2000], "data": {}})
        self._lines.append((self._number, type, text))
