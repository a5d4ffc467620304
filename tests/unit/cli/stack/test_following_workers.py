"""Workers that still start when the stack is announced: one line when all run, or which does not."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from cli.stack import stack as stack_module
from cli.stack.live_workers import LiveWorkers
from cli.stack.redis_server import RedisPlace
from cli.stack.stack import Stack, StackOptions
from config import Settings


def made(monkeypatch: pytest.MonkeyPatch, lines: list[str], *looks: LiveWorkers | None) -> Stack:
    """A stack of two workers, of which each look finds so many; it was announced with the first look."""
    monkeypatch.setattr(stack_module, "LOOK_EVERY_S", 0)
    waiting = list(looks[1:])

    def find(port: int, key: str | None, pids: Collection[int]) -> LiveWorkers | None:
        return waiting.pop(0)

    monkeypatch.setattr(stack_module, "find_live_workers", find)
    stack = Stack(
        StackOptions(Path()),
        Settings(_env_file=None),
        emit=lambda name, line: lines.append(f"{name} | {line}"),
        announce=lambda *_: None,
    )
    stack.supervision.groups = stack._plan(RedisPlace("", None, None), 3, 4)
    stack.live_workers = looks[0]
    return stack


def live(*names: str) -> LiveWorkers:
    return LiveWorkers(names, False, "")


async def test_the_last_of_them_is_followed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    stack = made(monkeypatch, lines, live("worker-1"), None, live("worker-1"), live("worker-1", "worker-2"))

    await stack._follow_workers()

    assert lines == ["stack | all 2 workers run"]


@pytest.mark.parametrize("first", [None, live("worker-1", "worker-2")])
async def test_nothing_is_said_twice_nor_of_what_is_not_known(
    monkeypatch: pytest.MonkeyPatch, first: LiveWorkers | None
) -> None:
    lines: list[str] = []

    await made(monkeypatch, lines, first)._follow_workers()

    assert not lines


async def test_one_that_ends_again_and_again_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    stack = made(monkeypatch, lines, live("worker-1"))
    stack.groups[0][1].starts = 3

    await stack._follow_workers()

    assert lines == ["stack | worker-2 does not run yet; see the lines above"]


async def test_one_that_takes_too_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    stack = made(monkeypatch, lines, live())
    monkeypatch.setattr(stack_module, "WORKERS_WAIT_S", -1.0)

    await stack._follow_workers()

    assert lines == ["stack | worker-1 and worker-2 do not run yet; see the lines above"]


async def test_a_stop_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    stack = made(monkeypatch, lines, live("worker-1"))
    stack._stop.set()

    await stack._follow_workers()

    assert not lines
