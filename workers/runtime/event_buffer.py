"""Collects what a handler logs, reports and streams, numbered within its attempt, until it is written."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson

from headrace.wording import MESSAGE_MAX_CHARS, cut
from orchestrator.documents import exact_json
from workers.context import EVENT, HEARTBEAT, RESET, TOKEN
from workers.excerpts import shown

#: Lines kept until they are written; what a handler writes faster than that is dropped, with one warning.
MOST_WAITING = 500
#: Lines sent by one script.
MOST_AT_ONCE = 100
#: Bytes of the lines sent by one script; of one line alone, whatever it has.
MOST_BYTES = 2 * 1024 * 1024
#: Characters of streamed text in one event; more only when they come faster than they can be written.
PIECE = 256
LARGE_PIECE = 16 * 1024

Line = tuple[int, str, bytes]


class EventBuffer:
    """The event sink of one attempt. `emit` never blocks and never fails.

    A line leaves when it is confirmed, not when it is sent: it has a number, so sending it again is harmless.
    Streamed text (`node.token`) is collected into pieces and never dropped, since a text with a hole in it is
    another text; nor are typed events (`node.event`), whose writer waits instead. Of heartbeats only the
    newest is kept: its details are for the attempt that follows.
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._number = 0
        self._lost = 0
        #: Details of the newest heartbeat; the thread that renews leases confirms them.
        self._beat = b""
        self._lock = threading.Lock()
        #: Of the typed events that have still to be confirmed.
        self.event_bytes = 0
        #: Monotonic seconds of the last sign of life.
        self.last_beat_s = time.monotonic()
        #: Streamed text that is not yet a line, and the number of pieces since the stream began.
        self._text: list[str] = []
        self._text_chars = 0
        self._index = 0

    def emit(self, type: str, data: dict[str, Any]) -> None:
        self.last_beat_s = time.monotonic()
        if type == HEARTBEAT:
            with self._lock:
                self._beat = exact_json.dumps(data["details"], default=repr)
            return
        if type == TOKEN:
            self._text.append(data["text"])
            self._text_chars += len(data["text"])
            if self._text_chars >= PIECE and len(self._lines) < MOST_WAITING:
                self._cut(keep=True)
            return
        if type == RESET:
            self._cut()
            self._index = 0
        elif len(self._lines) >= MOST_WAITING and type != EVENT:
            self._lost += 1
            return
        # What was streamed before this line stands before it.
        self._cut()
        self._append(type, data)

    @property
    def has_lines(self) -> bool:
        return bool(self._lines or self._text)

    def waiting(self) -> list[Line]:
        """Give the oldest lines, at most MOST_AT_ONCE; streamed text is among them however little it is."""
        if self._lost and len(self._lines) < MOST_WAITING:
            message = f"{self._lost} lines were dropped: the handler wrote faster than they can be kept"
            self._lost = 0
            self._append("node.log", {"level": "warning", "message": message, "data": {}})
        if len(self._lines) < MOST_AT_ONCE:
            self._cut()
        return next(_parts(self._lines), [])

    def rest(self) -> list[list[Line]]:
        """Give all lines that are left, in parts that one script can write."""
        self._cut()
        return list(_parts(self._lines))

    @property
    def newest(self) -> int:
        """Number of the last line so far."""
        return self._number

    @property
    def last_event(self) -> int:
        """Number of the last typed event that has still to be confirmed; 0 for none."""
        if not self.event_bytes:
            return 0
        return next((number for number, type, _ in reversed(self._lines) if type == EVENT), 0)

    def has_up_to(self, number: int) -> bool:
        """Whether a line of this number, or a lower one, has still to be confirmed."""
        return bool(self._lines) and self._lines[0][0] <= number

    def drop_events(self) -> None:
        """Let go of all typed events: one was too many, and their attempt fails."""
        self._lines = [line for line in self._lines if line[1] != EVENT]
        self.event_bytes = 0

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
        if self.event_bytes:
            gone = (len(text) for each, type, text in self._lines if each <= number and type == EVENT)
            self.event_bytes -= sum(gone)
        self._lines = [line for line in self._lines if line[0] > number]

    def _cut(self, *, keep: bool = False) -> None:
        """Make lines of the streamed text. keep: leave what is no full piece for later."""
        if not self._text:
            return
        text = "".join(self._text)
        size = PIECE if len(text) < PIECE * MOST_AT_ONCE else LARGE_PIECE
        end = len(text) - len(text) % size if keep else len(text)
        for start in range(0, end, size):
            self._append(TOKEN, {"text": text[start : min(start + size, end)], "index": self._index})
            self._index += 1
        self._text = [text[end:]] if end < len(text) else []
        self._text_chars = len(text) - end

    def _append(self, type: str, data: dict[str, Any]) -> None:
        self._number += 1
        try:
            # A typed event is cut nowhere.
            text = exact_json.dumps(data if type == EVENT else shown(data), default=repr)
        except (TypeError, ValueError, RecursionError):
            text = _readable(data)
        if type == EVENT:
            self.event_bytes += len(text)
        self._lines.append((self._number, type, text))


def _readable(data: dict[str, Any]) -> bytes:
    """Write a line with what is not Unicode replaced; of one that is no JSON at all, what Python shows."""
    try:
        text = json.dumps(shown(data), ensure_ascii=False, allow_nan=False, default=repr)
        # Two halves of a pair that were streamed one after the other are one character again.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    except (TypeError, ValueError, RecursionError):
        message = cut(ascii(data), MESSAGE_MAX_CHARS)
        return orjson.dumps({"level": "warning", "message": message, "data": {}})


def _parts(lines: list[Line]) -> Iterator[list[Line]]:
    """Cut lines into parts that one script can write."""
    part: list[Line] = []
    size = 0
    for line in lines:
        if part and (len(part) == MOST_AT_ONCE or size + len(line[2]) > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line[2])
    if part:
        yield part
