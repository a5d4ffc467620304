"""Frames come out as they went in, however the bytes arrive; nonsense is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace._frames import MAX_FRAME_BYTES, FrameError, FrameReader, frame

HEADERS = st.dictionaries(
    st.text(max_size=10), st.text(max_size=20) | st.integers() | st.none(), max_size=4
).map(lambda found: {**found, "type": "run"})


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=200)), max_size=6), st.integers(1, 50))
def test_frames_survive_any_cut(frames: list[tuple[dict[str, object], bytes]], size: int) -> None:
    sent = b"".join(frame(header, body) for header, body in frames)
    reader = FrameReader()

    found = [each for at in range(0, len(sent), size) for each in reader.feed(sent[at : at + size])]

    assert found == frames


def test_a_header_holds_nothing_that_is_not_unicode() -> None:
    (found,) = FrameReader().feed(frame({"type": "log", "message": "ü\ud800"}, b"x"))

    assert found == ({"type": "log", "message": "ü?"}, b"x")


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<II", MAX_FRAME_BYTES + 1, 4),
        struct.pack("<II", 4, 100),
        struct.pack("<II", 8, 4) + b"nope",
        struct.pack("<II", 6, 2) + b"[]",
        struct.pack("<II", 6, 2) + b"{}",
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(FrameReader().feed(data))


def test_a_frame_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(FrameError, match="at most"):
        frame({"type": "result"}, bytes(MAX_FRAME_BYTES))
