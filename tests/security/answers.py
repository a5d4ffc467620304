"""Answers by which a server may try to hold up a worker, or to make it keep what cannot be kept."""

from __future__ import annotations

import gzip
import zlib

from tests.unit.clients.http.target_server import reply

MEGABYTE = 1_000_000
#: Codecs of Python that are no charsets, or take seconds for a megabyte.
CODECS = (
    "punycode", "idna", "unicode_escape", "raw_unicode_escape", "rot13", "hex", "base64", "zlib", "bz2",
    "quopri", "uu", "utf-7", "undefined", "mbcs", "oem", "hz", "ptcp154", "../../etc/passwd", "x" * 1000,
)  # fmt: skip


def json(content: bytes) -> bytes:
    return reply(200, content, content_type="application/json")


def text(content: bytes, charset: str) -> bytes:
    return reply(200, content, content_type=f"text/plain; charset={charset}")


def packed(content: bytes, encoding: str = "gzip") -> bytes:
    return reply(200, content, content_encoding=encoding)


def without_end(head: bytes, part: bytes) -> bytes:
    return head + part * (4 * MEGABYTE // len(part))


#: Answers that are data all the same.
READ = {
    **{f"charset {codec[:20]}": text(b"plain \\ud800", codec) for codec in CODECS},
    "a megabyte of punycode": text(b"a" * MEGABYTE, "punycode"),
    "bytes of no charset": text(b"\x81" * 300_000, "cp1252"),
    "half a character": text(b"\x00\xd8", "utf-16-le"),
    "half an escape": json(b'["\\ud800", "\\udc00\\ud800"]'),
    "halves without end": json(b'["' + b"\\ud800" * 100_000 + b'"]'),
    "not a number": json(b"[NaN, Infinity]"),
    "long integers": json(b"[" + b"1" * 300 + b"]"),
    "many long integers": json(b"[" + b",".join([b"9" * 300] * 2_000) + b"]"),
    "many empty objects": json(b"[" + b"{}," * 200_000 + b"1]"),
    "many members": packed(gzip.compress(b"x") * 1_000),
    "padding": packed(gzip.compress(b"x") + b"\0" * 10_000),
    "a wait without end": reply(200, b"x", retry_after="9" * 1_000),
}
#: Answers that fail their node, with what the error says.
REFUSED = {
    "brackets": (json(b"[" * 100_000), "Http.BadResponse"),
    "deep lists": (json(b"[" * 1_100 + b"]" * 1_100), "Http.BadResponse"),
    "deep objects": (json(b'{"a":' * 500 + b"1" + b"}" * 500), "Http.BadResponse"),
    "infinity": (json(b"[1e400]"), "Http.BadResponse"),
    "digits": (json(b"9" * 100_000), "Http.BadResponse"),
    "a bomb": (packed(gzip.compress(b"\0" * 50 * MEGABYTE)), "OutputTooLarge"),
    "a bomb in members": (packed(gzip.compress(b"\0" * MEGABYTE) * 50), "OutputTooLarge"),
    "a bare bomb": (packed(zlib.compress(b"\0" * 50 * MEGABYTE), "deflate"), "OutputTooLarge"),
    "members of nothing": (packed(gzip.compress(b"") * 20_000), "OutputTooLarge"),
    "blocks of nothing": (
        packed(zlib.compressobj(wbits=31).flush(zlib.Z_FULL_FLUSH) + b"\x00\x00\x00\xff\xff" * 600_000),
        "OutputTooLarge",
    ),
    "a cut stream": (packed(gzip.compress(b"rows" * 1_000)[:-9]), "Http.Transport"),
    "another encoding": (packed(b"x", "br"), "Http.Transport"),
    "encodings": (packed(b"x", "gzip, gzip"), "Http.Transport"),
    "a header without end": (without_end(b"HTTP/1.1 200 X\r\nX-A: ", b"v" * 1_000), "Http.Transport"),
    "headers without end": (without_end(b"HTTP/1.1 200 X\r\n", b"X-A: v\r\n"), "Http.Transport"),
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 150_000, "OutputTooLarge"),
    "pieces": (
        without_end(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), "OutputTooLarge",
    ),
    "trailers": (
        without_end(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: v\r\n"),
        "Http.Transport",
    ),
    "an upgrade": (b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "Http.Transport"),
}  # fmt: skip
