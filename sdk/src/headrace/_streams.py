"""What code prints and logs, line by line, for the attempt that does it."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from headrace._wire import Guard

#: The attempt that runs in this context; 0: none, or that of a sync host.
CURRENT: ContextVar[int] = ContextVar("headrace_attempt", default=0)
#: Characters of one line; a longer one is cut, visibly.
LONGEST_LINE = 1024 * 1024
#: Lines of one attempt that are sent; the rest is counted.
MOST_LINES = 20_000

_LEVELS = ((logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.INFO, "info"))


class Lines:
    """Collects what is written by each attempt, and sends it in whole lines.

    send     takes (attempt, stream, text); attempt 0 is the host itself.
    running  the attempt that a thread without a context of its own writes for.
    """

    def __init__(
        self, send: Callable[[int, str, str], None], running: Callable[[], int], guard: Guard
    ) -> None:
        self._guard = guard
        self._send = send
        self._running = running
        self._lock = threading.RLock()
        self._open: dict[tuple[int, str], str] = {}
        self._counts: dict[int, int] = {}

    def attempt(self) -> int:
        """The attempt that is writing."""
        return CURRENT.get() or self._running()

    def write(self, stream: str, text: str) -> None:
        """Take what was written to a stream."""
        attempt = self.attempt()
        with self._guard, self._lock:
            text = self._open.pop((attempt, stream), "") + text
            *lines, rest = text.split("\n")
            for line in lines:
                self._pass_on(attempt, stream, line)
            if len(rest) > LONGEST_LINE:
                self._pass_on(attempt, stream, rest)
            elif rest:
                self._open[attempt, stream] = rest

    def end(self, attempt: int) -> None:
        """Send what is left of an attempt's lines, and how many were not sent."""
        with self._guard, self._lock:
            for key in [key for key in self._open if key[0] == attempt]:
                self._pass_on(attempt, key[1], self._open.pop(key))
            if (left := self._counts.pop(attempt, 0) - MOST_LINES) > 0:
                self._send(attempt, "stderr", f"{left:,} more lines were not kept")

    def may_send(self, attempt: int) -> bool:
        """Count one more line of an attempt, and say whether it is still sent."""
        if attempt:
            self._counts[attempt] = count = self._counts.get(attempt, 0) + 1
            return count <= MOST_LINES
        return True

    def _pass_on(self, attempt: int, stream: str, line: str) -> None:
        if not self.may_send(attempt):
            return
        line = line.rstrip("\r")
        if len(line) > LONGEST_LINE:
            line = f"{line[:LONGEST_LINE]}… ({len(line):,} characters)"
        self._send(attempt, stream, line)


class LineStream(io.TextIOBase):
    """Stands where sys.stdout or sys.stderr was."""

    def __init__(self, lines: Lines, name: str) -> None:
        super().__init__()
        self._lines = lines
        self._name = name
        # Code that writes bytes goes past this class, to the file descriptor.
        self.buffer = getattr(sys, f"__{name}__").buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1 if self._name == "stdout" else 2

    def write(self, text: str) -> int:
        self._lines.write(self._name, str(text))
        return len(text)


class LogLines(logging.Handler):
    """Sends what the logging module gets, as lines of the attempt that logs.

    send  takes (attempt, level, message, data).
    """

    def __init__(self, lines: Lines, send: Callable[[int, str, str, dict[str, Any]], None]) -> None:
        super().__init__()
        self._lines = lines
        self._line = send

    def emit(self, record: logging.LogRecord) -> None:
        attempt = self._lines.attempt()
        if not self._lines.may_send(attempt):
            return
        try:
            message = record.getMessage()
            data = {"logger": record.name}
            if record.exc_info and record.exc_info[0] is not None:
                data["exception"] = logging.Formatter().formatException(record.exc_info)
        except Exception as error:
            message, data = f"(a log line that cannot be written: {error!r})", {}
        level = next((word for least, word in _LEVELS if record.levelno >= least), "debug")
        self._line(attempt, level, message, data)


def capture(lines: Lines, send: Callable[[int, str, str, dict[str, Any]], None]) -> None:
    """Send from now on what is printed and logged; log records from INFO on."""
    sys.stdout, sys.stderr = LineStream(lines, "stdout"), LineStream(lines, "stderr")
    root = logging.getLogger()
    root.addHandler(LogLines(lines, send))
    root.setLevel(logging.INFO)
