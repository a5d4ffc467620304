"""The messages between a worker and its handler hosts: a JSON header and a body that is passed on as it is.

On the wire: length of the rest (u32, little endian), length of the header (u32), header, body. The worker
does not read bodies of results: an output of a megabyte costs it a copy. `id` is the number of an attempt
in its host.

From a host: `hello` {protocol, python, pid}, then `offer` {import_ms} with its handlers and files in the
body, or `refused` {message, hint, traceback}. Of an attempt: `log`, `line`, `progress`, `token`, `reset`,
`beat` (details in the body), `ask` {n, what, …} and `withdraw` {n}; at its end `result` {kind, rss_kb, …},
its output in the body.

From a worker: `serve` {kind, takes_events} to one that is ready; `run` {handler, attempt, …} with config and
inputs in the body, `cancel` {reason, hard}, `answer` {n, …} and `piece` {n, piece}; `drain`: end when nothing
runs any more. `wake`: a `run` is about to come; a host that knows of none leaves it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

#: Number of this protocol; a host of another one is refused.
PROTOCOL = 1
#: The longest frame; whoever sends a longer one is not listened to any more.
MAX_FRAME_BYTES = 64 * 1024 * 1024
_LENGTHS = struct.Struct("<II")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr).encode

Frame = tuple[dict[str, Any], bytes]


def read_json(text: bytes) -> Any:
    """Read JSON; its encoding is known, and need not be found out. Raises ValueError."""
    return json.loads(str(text, "utf-8"))


class FrameError(Exception):
    """What came is no frame, or is too long; nothing that comes after it can be read."""


def frame(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Write one frame. Raises FrameError for one that is too long."""
    # Texts for people may hold what is not Unicode, such as a file's name: the other side could not keep it.
    return framed(_encode(header).encode("utf-8", "replace"), body)


def framed(head: bytes, body: bytes) -> bytes:
    """Write one frame whose header is JSON already. Raises FrameError for one that is too long."""
    rest = 4 + len(head) + len(body)
    if rest > MAX_FRAME_BYTES:
        raise FrameError(f"a message of {rest:,} bytes; at most {MAX_FRAME_BYTES:,} are sent")
    return b"".join((_LENGTHS.pack(rest, len(head)), head, body))


class FrameReader:
    """Puts frames together from what arrives, however it is cut.

    read  reads the JSON of a header. Raises ValueError.
    """

    __slots__ = ("_arrived", "_read")

    def __init__(self, read: Callable[[bytes], Any] = read_json) -> None:
        self._arrived = bytearray()
        self._read = read

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take what arrived, and give the frames that are whole by now. Raises FrameError."""
        arrived = self._arrived
        arrived += data
        at = 0
        try:
            while len(arrived) - at >= 8:
                rest, head = _LENGTHS.unpack_from(arrived, at)
                if rest > MAX_FRAME_BYTES or head + 4 > rest:
                    raise FrameError(f"a frame of {rest:,} bytes with a header of {head:,}")
                end = at + 4 + rest
                if len(arrived) < end:
                    break
                header, body = bytes(arrived[at + 8 : at + 8 + head]), bytes(arrived[at + 8 + head : end])
                at = end
                yield self._header(header), body
        finally:
            del arrived[:at]

    def _header(self, text: bytes) -> dict[str, Any]:
        try:
            header = self._read(text)
        except ValueError as error:
            raise FrameError(f"the header of a frame is not JSON: {error}") from None
        if not isinstance(header, dict) or not isinstance(header.get("type"), str):
            raise FrameError("the header of a frame names no type")
        return header
