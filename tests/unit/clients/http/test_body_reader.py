"""Bodies as they come over the wire: packed, in pieces, cut, or without end."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from clients.http.body_reader import MOST_MEMBERS, MOST_PIECES, SLACK_BYTES, BodyReader
from clients.http.wire import ResponseTooLarge, TransportFailed

Pack = Callable[[bytes], bytes]
TEXT = "\n".join(f"row {i} {i * i * 7919 % 10007}" for i in range(500)).encode()


def bare_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def members(content: bytes) -> bytes:
    middle = len(content) // 2
    return gzip.compress(content[:middle]) + gzip.compress(b"") + gzip.compress(content[middle:])


def read(encoding: str, packed: bytes, *, step: int = 7, max_bytes: int = 100_000) -> bytes:
    reader = BodyReader(encoding, max_bytes=max_bytes)
    for index in range(0, len(packed), step):
        reader.feed(packed[index : index + step])
    return reader.content()


PACKED: list[tuple[str, Pack]] = [
    ("", bytes),
    ("identity", bytes),
    ("gzip", gzip.compress),
    ("X-GZIP", gzip.compress),
    ("identity, gzip", gzip.compress),
    ("gzip", members),
    ("deflate", zlib.compress),
    ("deflate", bare_deflate),
]


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(("encoding", "pack"), PACKED)
def test_a_body_is_unpacked_while_it_is_read(encoding: str, pack: Pack, step: int) -> None:
    assert read(encoding, pack(TEXT), step=step) == TEXT


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(("encoding", "pack"), [each for each in PACKED if "dent" not in each[0] and each[0]])
def test_a_packed_body_that_is_cut_is_no_answer(encoding: str, pack: Pack, step: int) -> None:
    packed = pack(TEXT)

    for left in (1, 2, 5, 12, len(packed) // 2, len(packed) - 1):
        with pytest.raises(TransportFailed) as failed:
            read(encoding, packed[:left], step=step)
        assert failed.value.retryable


def test_a_second_member_that_is_cut_is_no_answer() -> None:
    first, second = gzip.compress(b"line 1\n"), gzip.compress(b"line 2\n")

    for left in range(1, len(second)):
        with pytest.raises(TransportFailed):
            read("gzip", first + second[:left])


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 5000, b"padding", b"\0\x1f\x8b"])
def test_what_follows_the_last_member_is_padding(padding: bytes) -> None:
    assert read("gzip", gzip.compress(TEXT) + padding) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, br"])
def test_an_answer_without_a_body_is_whole_whatever_its_encoding(encoding: str) -> None:
    assert BodyReader(encoding, max_bytes=10).content() == b""


@pytest.mark.parametrize("pack", [gzip.compress, members])
def test_a_body_that_unpacks_to_more_than_the_limit_is_stopped(pack: Pack) -> None:
    with pytest.raises(ResponseTooLarge):
        read("gzip", pack(b"\0" * 5_000_000), step=1_000_000, max_bytes=1000)


@pytest.mark.parametrize(("encoding", "pack"), PACKED)
def test_a_body_of_exactly_the_limit_is_whole(encoding: str, pack: Pack) -> None:
    assert read(encoding, pack(TEXT), max_bytes=len(TEXT)) == TEXT
    with pytest.raises(ResponseTooLarge):
        read(encoding, pack(TEXT), max_bytes=len(TEXT) - 1)


def test_blocks_without_content_end_at_a_bound() -> None:
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    reader = BodyReader("gzip", max_bytes=1000)
    reader.feed(start)

    with pytest.raises(ResponseTooLarge):
        reader.feed(b"\x00\x00\x00\xff\xff" * SLACK_BYTES)


def test_members_without_content_end_at_a_bound() -> None:
    with pytest.raises(ResponseTooLarge):
        read("gzip", gzip.compress(b"") * (MOST_MEMBERS + 1), step=1000, max_bytes=10_000_000)


def test_pieces_without_end_end_at_a_bound() -> None:
    reader = BodyReader("", max_bytes=10_000_000)
    for _ in range(MOST_PIECES):
        reader.feed(b"x")

    with pytest.raises(ResponseTooLarge):
        reader.feed(b"x")


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip, br"])
def test_an_encoding_that_was_not_asked_for_is_a_failure(encoding: str) -> None:
    with pytest.raises(TransportFailed, match=encoding):
        read(encoding, b"packed")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_what_it_says_is_a_failure(encoding: str) -> None:
    with pytest.raises(TransportFailed):
        read(encoding, b"\xff\xffnot packed at all")


def test_a_member_with_a_wrong_checksum_is_a_failure() -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 1

    with pytest.raises(TransportFailed):
        read("gzip", bytes(packed))
