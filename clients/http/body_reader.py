"""Collect the body of an answer, unpacked, within bounds: of its size, its packed size, and its pieces."""

from __future__ import annotations

import zlib
from typing import Protocol

from clients.http.wire import ResponseTooLarge, TransportFailed

#: What a packed body may have beyond twice the limit of the unpacked one: headers of many short pieces.
SLACK_BYTES = 64 * 1024
#: Pieces and gzip members cost time, however little is in them.
MOST_PIECES = 100_000
MOST_MEMBERS = 10_000
_GZIP_MAGIC = b"\x1f\x8b"


class BodyReader:
    """Collects a response body up to a limit, so that a small one that unpacks to a huge one ends there.

    max_bytes  of the unpacked body.
    """

    def __init__(self, encoding: str, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._content = bytearray()
        self._packed = self._pieces = 0
        self._encoding = encoding
        self._unpacking: _Unpacking | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next piece from the wire. Raises ResponseTooLarge, TransportFailed."""
        if not self._pieces:
            # Not before: an answer without a body, as to HEAD, may name any encoding.
            self._encoding, self._unpacking = _unpacking(self._encoding)
        self._pieces += 1
        self._packed += len(chunk)
        if self._pieces > MOST_PIECES:
            raise self._too_large(f"comes in more than {MOST_PIECES:,} pieces")
        if self._unpacking is not None:
            if self._packed > 2 * self._max_bytes + SLACK_BYTES:
                raise self._too_large(f"is larger than {self._max_bytes} bytes")
            try:
                chunk = self._unpacking.unpack(chunk, self._max_bytes - len(self._content) + 1)
            except zlib.error as error:
                raise _broken(f"the answer cannot be unpacked: {error}") from error
        if len(self._content) + len(chunk) > self._max_bytes:
            raise self._too_large(f"is larger than {self._max_bytes} bytes")
        self._content += chunk

    def content(self) -> bytes:
        """Give the whole body. Raises TransportFailed where its packed stream breaks off."""
        if self._packed and self._unpacking is not None and not self._unpacking.is_whole:
            raise _broken(f"the answer breaks off: its {self._encoding} stream has no end")
        return bytes(self._content)

    def _too_large(self, what: str) -> ResponseTooLarge:
        return ResponseTooLarge(f"the answer's body {what}", max_bytes=self._max_bytes)


class _Unpacking(Protocol):
    @property
    def is_whole(self) -> bool:
        """Whether the stream has come to its end."""

    def unpack(self, chunk: bytes, most: int) -> bytes:
        """Give what the next piece unpacks to, at most so many bytes. Raises zlib.error, ResponseTooLarge."""


class _Gzip:
    """A gzip stream: one member after another. What follows the last one and is none is padding."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._members = 1
        #: The first byte of what may be the next member.
        self._rest = b""
        self._is_over = False

    @property
    def is_whole(self) -> bool:
        return self._member.eof and not self._rest

    def unpack(self, chunk: bytes, most: int) -> bytes:
        parts: list[bytes] = []
        chunk, self._rest = self._rest + chunk, b""
        while chunk and most > 0 and not self._is_over:
            if self._member.eof and not self._next_member(chunk):
                break
            part = self._member.decompress(chunk, most)
            parts.append(part)
            most -= len(part)
            chunk = self._member.unused_data
        return b"".join(parts)

    def _next_member(self, chunk: bytes) -> bool:
        if chunk == _GZIP_MAGIC[:1]:
            self._rest = chunk
            return False
        if not chunk.startswith(_GZIP_MAGIC):
            self._is_over = True
            return False
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise ResponseTooLarge(f"the answer's body has more than {MOST_MEMBERS:,} gzip members")
        self._member = zlib.decompressobj(wbits=31)
        return True


class _Deflate:
    """A zlib stream, or the bare one that some servers send by the same name."""

    def __init__(self) -> None:
        self._head = b""
        self._stream: zlib._Decompress | None = None

    @property
    def is_whole(self) -> bool:
        return self._stream is not None and self._stream.eof

    def unpack(self, chunk: bytes, most: int) -> bytes:
        if self._stream is None:
            chunk = self._head = self._head + chunk
            if len(chunk) < 2:
                return b""
            has_header = chunk[0] & 15 == zlib.DEFLATED and int.from_bytes(chunk[:2], "big") % 31 == 0
            self._stream = zlib.decompressobj(wbits=15 if has_header else -15)
        return b"" if self._stream.eof else self._stream.decompress(chunk, most)


def _unpacking(encoding: str) -> tuple[str, _Unpacking | None]:
    names = [name.strip().lower() for name in encoding.split(",")]
    packed = [name for name in names if name not in ("", "identity")]
    match packed:
        case []:
            return "", None
        case ["gzip" | "x-gzip"]:
            return "gzip", _Gzip()
        case ["deflate"]:
            return "deflate", _Deflate()
    raise _broken(f"the answer is encoded as '{', '.join(packed)[:40]}', which was not asked for")


def _broken(message: str) -> TransportFailed:
    return TransportFailed(message, kind="protocol", is_sent=True)
