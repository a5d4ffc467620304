"""One supervised process: heard, started again, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from cli.stack import process as child_module
from cli.stack.process import Child, describe_exit
from tests.patience import PATIENCE_S


class Listener:
    """Collects what a child says and waits for a certain line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, name: str, line: str) -> None:
        self.lines.append(line)
        self._more.set()

    async def wait_for(self, text: str, *, times: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while sum(text in line for line in self.lines) < times:
                self._more.clear()
                await self._more.wait()


def python(code: str, listener: Listener, *, grace_s: float = 5.0) -> Child:
    return Child(
        name="child",
        command=[sys.executable, "-u", "-c", code],
        environment=os.environ,
        working_dir=Path("/"),
        emit=listener,
        grace_s=grace_s,
    )


async def test_output_arrives_line_by_line_the_last_one_without_an_end() -> None:
    listener = Listener()
    process = python("import sys; print('one'); sys.stderr.write('two'); sys.stdout.write('')", listener)

    await process.start()
    await listener.wait_for("two")
    await process.stop()

    assert sorted(listener.lines) == ["one", "two"]


async def test_a_very_long_line_is_passed_on_in_pieces() -> None:
    listener = Listener()
    process = python("print('x' * 200_000); print('end')", listener)

    await process.start()
    await listener.wait_for("end")
    await process.stop()

    assert sum(line.count("x") for line in listener.lines) == 200_000


async def test_a_child_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "FIRST_PAUSE_S", 0.01)
    listener = Listener()
    process = python("import time; print('up'); time.sleep(60)", listener)
    watcher = asyncio.create_task(process.supervise())

    await listener.wait_for("up")
    assert process.process is not None
    process.process.send_signal(signal.SIGKILL)
    await listener.wait_for("up", times=2)
    await process.stop()
    await watcher

    assert any("ended with signal SIGKILL; restarting" in line for line in listener.lines)
    assert process.starts == 2


async def test_a_child_told_to_stop_is_not_started_again() -> None:
    listener = Listener()
    process = python("import time; print('up'); time.sleep(60)", listener)
    watcher = asyncio.create_task(process.supervise())
    await listener.wait_for("up")

    await process.stop()
    await watcher

    assert process.starts == 1


async def test_a_child_that_will_not_end_is_killed_after_its_grace_period() -> None:
    listener = Listener()
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    process = python(code, listener, grace_s=0.1)
    await process.start()
    await listener.wait_for("deaf")

    await process.stop()

    assert process.process is not None
    assert process.process.returncode == -signal.SIGKILL


def test_exits_are_described_in_words() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-9) == "signal SIGKILL"


async def test_a_worker_is_told_whose_place_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "FIRST_PAUSE_S", 0.01)
    listener = Listener()
    code = (
        "import os; print('is', os.environ['STACK_INSTANCE'], 'after', os.environ['STACK_REPLACES'] or '-')"
    )
    process = python(code, listener)
    process.is_worker = True

    supervising = asyncio.create_task(process.supervise())
    await listener.wait_for("after", times=3)
    await process.stop()
    await supervising

    told = [line.split()[1::2] for line in listener.lines if " after " in line]
    assert told[0][1] == "-"
    assert [before for _, before in told[1:]] == [instance for instance, _ in told[:-1]]
    assert len({instance for instance, _ in told}) == len(told)
