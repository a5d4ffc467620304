"""The stack: where it says it is, what its children are told, and who may own a data directory."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import pytest

from cli.commands.dev import next_steps
from cli.stack import info, ports
from cli.stack.info import StackInfo
from cli.stack.process import Child
from cli.stack.redis_binary import RedisBinary
from cli.stack.redis_server import (
    RedisPlace,
    RedisUnavailable,
    StackRunning,
    command,
    environment,
    lock,
    wait_until_ready,
)
from cli.stack.stack import Stack, StackOptions, child_environment
from config import Settings
from tests.redis_server import RedisServer


def stack_info(data_dir: Path, *, pid: int) -> StackInfo:
    return StackInfo(
        pid=pid,
        api_url="http://localhost:8001",
        echo_url="http://localhost:8090",
        redis_host="127.0.0.1",
        redis_port=6380,
        data_dir=str(data_dir),
        started_at="2026-11-20T08:15:30.123Z",
    )


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_running_stack_is_found_and_a_dead_one_is_not(tmp_path: Path) -> None:
    stack_info(tmp_path, pid=os.getpid()).write()
    assert info.find(tmp_path) == stack_info(tmp_path, pid=os.getpid())

    stack_info(tmp_path, pid=2**22 + 1).write()
    assert info.find(tmp_path) is None


def test_the_usual_stack_is_described_beside_its_data_and_another_one_inside(tmp_path: Path) -> None:
    assert info.path(info.DEFAULT_DATA_DIR) == info.ROOT / ".data" / "stack.json"
    assert info.path(tmp_path) == tmp_path / "stack.json"


def test_the_api_is_where_the_environment_the_stack_or_the_documentation_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("API_URL", raising=False)
    assert info.api_url() == "http://localhost:8000"

    stack_info(tmp_path, pid=os.getpid()).write()
    assert info.api_url() == "http://localhost:8001"

    monkeypatch.setenv("API_URL", "http://far:9000/")
    assert info.api_url() == "http://far:9000"


def test_children_are_led_to_the_stacks_redis_and_to_the_echo_service() -> None:
    settings = Settings(_env_file=None, services={"consumer": "http://mine", "other": "http://other"})
    place = RedisPlace("embedded", "127.0.0.1", 6380)

    environment = child_environment({"PATH": "/bin"}, settings, place=place, echo_url="http://localhost:8090")

    assert (environment["REDIS_HOST"], environment["REDIS_PORT"]) == ("127.0.0.1", "6380")
    assert json.loads(environment["SERVICES"]) == {
        "service-a": "http://localhost:8090",
        "consumer": "http://mine",
        "other": "http://other",
    }


def test_children_find_a_named_redis_by_themselves() -> None:
    settings = Settings(_env_file=None)

    environment = child_environment({}, settings, place=RedisPlace("named", None, None), echo_url="http://e")

    assert "REDIS_HOST" not in environment


@pytest.mark.parametrize("is_demo", [False, True])
def test_only_with_the_demo_the_stack_s_processes_know_of_it(tmp_path: Path, is_demo: bool) -> None:
    stack = Stack(
        StackOptions(tmp_path, is_demo=is_demo),
        Settings(_env_file=None, services={"mine": "http://mine"}),
        emit=lambda *_: None,
        announce=lambda *_: None,
    )
    children = [child for group in stack._plan(RedisPlace("", None, None), 3, 4) for child in group]

    for child in children:
        assert child.environment.get("DEMO") == ("true" if is_demo else None)
        assert ("demo" in json.loads(child.environment["SERVICES"])) is is_demo
        assert {"mine", "service-a"} <= json.loads(child.environment["SERVICES"]).keys()


def test_a_data_directory_has_one_owner(tmp_path: Path) -> None:
    descriptor = lock(tmp_path)

    with pytest.raises(StackRunning, match=rf"already running on .*pid {os.getpid()}"):
        lock(tmp_path)

    os.close(descriptor)
    os.close(lock(tmp_path))


def test_a_directory_that_cannot_be_written_in_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "stack.lock").mkdir()

    with pytest.raises(RedisUnavailable, match=f"--data-dir: cannot write in {tmp_path}: "):
        lock(tmp_path)


@pytest.mark.parametrize(
    ("chosen", "is_terminal", "wanted"),
    [(None, True, "text"), (None, False, "json"), ("json", True, "json")],
)
def test_children_log_for_who_reads_along(
    chosen: Literal["json"] | None, is_terminal: bool, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal, raising=False)
    place = RedisPlace("here", "127.0.0.1", 7001)

    found = child_environment({}, Settings(log_format=chosen), place=place, echo_url="http://echo")

    assert found["LOG_FORMAT"] == wanted


def test_the_server_keeps_its_data_and_never_evicts(tmp_path: Path) -> None:
    words = command(RedisBinary("/bin/server", "valkey", (9, 1, 2)), port=7000, data_dir=tmp_path)

    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--bind"] == "127.0.0.1"


def test_only_a_server_that_asks_the_c_library_for_memory_has_large_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=1")
    large, other = (
        RedisBinary("/bin/server", "valkey", (9, 1, 2), each) for each in ("libc", "jemalloc-5.3.0")
    )

    assert command(large, port=7000, data_dir=tmp_path)[-2:] == ["--disable-thp", "no"]
    assert environment(large)["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1"
    assert "--disable-thp" not in command(other, port=7000, data_dir=tmp_path)
    assert environment(other)["GLIBC_TUNABLES"] == "glibc.malloc.arena_max=1"


def test_a_taken_port_is_passed_over(busy_port: int) -> None:
    assert ports.listen(busy_port) is None
    assert ports.free_port(busy_port) > busy_port


def test_a_port_is_held_by_who_listens() -> None:
    with ports.listen_from(0) as listener:
        assert ports.listen(ports.port_of(listener)) is None


def test_silence_and_strangers_are_no_redis(busy_port: int) -> None:
    # Listens and never answers.
    assert not ports.is_redis_up("127.0.0.1", busy_port, timeout_s=0.05)
    assert ports.http_status(f"http://127.0.0.1:{busy_port}/", timeout_s=0.05) is None
    assert not ports.is_redis_up("127.0.0.1", ports.free_port(), timeout_s=0.05)


async def test_a_server_of_another_stack_on_the_port_is_not_taken_for_ours(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    ours = Child("redis", ["sleep", "60"], os.environ, working_dir=tmp_path, emit=lambda *_: None)
    await ours.start()

    is_ready = await wait_until_ready(ours, redis_server.port, data_dir=tmp_path, within_s=0.2)
    await ours.stop()

    assert not is_ready
    assert ports.redis_directory("127.0.0.1", redis_server.port) == str(redis_server.directory)


def test_commands_that_are_printed_reach_the_stack_that_prints_them(tmp_path: Path) -> None:
    assert "STACK_DATA_DIR" not in next_steps(info.DEFAULT_DATA_DIR)

    elsewhere = next_steps(tmp_path / "my data").splitlines()
    assert elsewhere[0] == f"STACK_DATA_DIR='{tmp_path}/my data' ./headrace run examples/linear.json"
    assert elsewhere[1].strip() == f"STACK_DATA_DIR='{tmp_path}/my data' ./headrace doctor"


def test_every_process_of_the_stack_and_of_compose_is_a_module_that_exists(tmp_path: Path) -> None:
    stack = Stack(
        StackOptions(tmp_path), Settings(_env_file=None), emit=lambda *_: None, announce=lambda *_: None
    )
    started = [child.command[2] for group in stack._plan(RedisPlace("", None, None), 3, 4) for child in group]
    composed = re.findall(r'"-m", "([\w.]+)"', (info.ROOT / "docker-compose.yml").read_text(encoding="utf-8"))

    assert len(composed) == 7
    assert not [name for name in {*started, *composed} if find_spec(name) is None]
