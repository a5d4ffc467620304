"""Collects what a handler logs and reports, numbered within its attempt, until the worker sends it."""

from __future__ import annotations

import threading
from typing import Any

import orjson

#: Lines kept between two sendings; a handler that writes faster loses the surplus, and is told so once.
MOST_WAITING = 500
#: Lines sent by one script.
MOST_AT_ONCE = 100

Line = tuple[int, str, bytes]


class Reporter:
    """The event sink of one attempt. `emit` never blocks and may be called from any thread."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._lock = threading.Lock()
        self._number = 0
        self._lost = 0

    def emit(self, type: str, data: dict[str, Any]) -> None:
        with self._lock:
            if len(self._lines) >= MOST_WAITING:
                self._lost += 1
                return
            self._append(type, data)

    def take(self) -> list[Line]:
        """Give the oldest lines not yet taken, at most MOST_AT_ONCE."""
        with self._lock:
            if self._lost and len(self._lines) < MOST_WAITING:
                message = f"{self._lost} lines were dropped: the handler wrote faster than they can be kept"
                self._lost = 0
                self._append("node.log", {"level": "warning", "message": message, "data": {}})
            taken, self._lines = self._lines[:MOST_AT_ONCE], self._lines[MOST_AT_ONCE:]
            return taken

    @property
    def has_lines(self) -> bool:
        return bool(self._lines)

    def _append(self, type: str, data: dict[str, Any]) -> None:
        self._number += 1
        self._lines.append((self._number, type, orjson.dumps(data, default=repr)))
