"""Image names, frames and lines."""

from __future__ import annotations

import struct

import pytest

from clients.containers.lines import MOST_LINES, LineLog
from clients.containers.spec import FrameReader, full_name, is_listed

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.12", "docker.io/library/python:3.12"),
        ("acme/tool", "docker.io/acme/tool:latest"),
        ("ghcr.io/acme/tool:1", "ghcr.io/acme/tool:1"),
        ("localhost:5000/tool", "localhost:5000/tool:latest"),
        (f"acme/tool@{DIGEST}", f"docker.io/acme/tool@{DIGEST}"),
    ],
)
def test_a_short_image_name_means_what_it_means_to_the_engine(image: str, name: str) -> None:
    assert full_name(image) == name


@pytest.mark.parametrize(
    ("image", "entry", "listed"),
    [
        ("python", "python:latest", True),
        ("docker.io/library/python", "python", True),
        ("python:3.12", "python", False),
        ("python:3.12", "python:*", True),
        ("python-evil:3.12", "python:*", False),
        ("evil/python:3.12", "python:*", False),
        ("ghcr.io/acme/a/b:1", "ghcr.io/acme/*", True),
        ("ghcr.io/acme-evil/a:1", "ghcr.io/acme/*", False),
        ("ghcrxio/acme/a:1", "ghcr.io/acme/*", False),
        (f"acme/tool@{DIGEST}", f"acme/tool@{DIGEST}", True),
        # The engine takes the digest, whatever tag stands before it.
        (f"acme/tool:1@{DIGEST}", "acme/tool:1", False),
        ("anything/at:all", "*", True),
    ],
)
def test_a_list_names_images_in_full(image: str, entry: str, listed: bool) -> None:
    assert is_listed(image, (entry,)) is listed


def test_nothing_is_listed_by_an_empty_list() -> None:
    assert not is_listed("python", ())


@pytest.mark.parametrize("size", [1, 3, 8, 11, 1000])
def test_frames_are_found_however_the_bytes_come(size: int) -> None:
    sent = b"".join(
        struct.pack(">BxxxL", stream, len(data)) + data for stream, data in [(1, b"abc"), (2, b""), (1, b"d")]
    )
    reader = FrameReader()

    found = [frame for at in range(0, len(sent), size) for frame in reader.feed(sent[at : at + size])]

    assert found == [(1, b"abc"), (2, b""), (1, b"d")]


def test_lines_end_in_number_and_in_length() -> None:
    lines: list[str] = []
    log = LineLog(lines.append)

    log.feed(b"x" * 5_000)
    log.feed(b"\n" * (2 * MOST_LINES))
    log.close()

    assert [len(line) for line in lines[:4]] == [2_000, 2_000, 1_000, 0]
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == f"only the first {MOST_LINES} lines are kept"
