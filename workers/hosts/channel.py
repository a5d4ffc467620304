"""What comes from a host: frames by its socket, and lines by its file descriptors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from headrace._frames import FrameError, FrameReader, read_json
from orchestrator.documents import exact_json


class Channel(asyncio.Protocol):
    """The socket to a host."""

    def __init__(self, take: Callable[[dict[str, Any], bytes], None], has_eof: asyncio.Event) -> None:
        self._take_frame = take
        self._has_eof = has_eof
        self._reader = FrameReader(_read)

    def data_received(self, data: bytes) -> None:
        try:
            for header, body in self._reader.feed(data):
                self._take_frame(header, body)
        except FrameError as error:
            self._take_frame({"type": "result", "broken": str(error)}, b"")

    def connection_lost(self, error: Exception | None) -> None:
        self._has_eof.set()


def _read(text: bytes) -> Any:
    """Read the header of a frame. In what a handler logs NaN is a number, as Python writes it."""
    try:
        return exact_json.loads(text)
    except ValueError:
        return read_json(text)


class Output(asyncio.Protocol):
    """Lines of what a host writes to its file descriptors."""

    #: A longer line is taken in parts.
    LONGEST_BYTES = 64 * 1024

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take_line = take
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self.LONGEST_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._take_line(line.decode("utf-8", "replace").rstrip("\r"))

    def connection_lost(self, error: Exception | None) -> None:
        if self._rest:
            self._take_line(self._rest.decode("utf-8", "replace"))
            self._rest = b""
