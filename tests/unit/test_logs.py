"""How our processes run: what ends one, and what does not."""

from __future__ import annotations

import asyncio
import io
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from logs import run_process, set_up


def _settings() -> Any:
    return SimpleNamespace(log_level="INFO", log_format=None)


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """The root of a process listens to SIGINT itself."""
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    yield
    signal.signal(signal.SIGINT, before)


def _exit() -> None:
    sys.exit(3)


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("leave", [_exit, _interrupt])
@pytest.mark.parametrize("place", ["task", "callback"])
def test_an_exit_beside_the_root_ends_only_what_exits(place: str, leave: Callable[[], None]) -> None:
    done: list[str] = []

    async def stray() -> None:
        leave()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(stray()) if place == "task" else loop.call_soon(leave)
        loop.call_soon(done.append, "neighbour")
        if isinstance(task, asyncio.Task):
            with pytest.raises((SystemExit, KeyboardInterrupt)):
                await task
        over = loop.create_future()
        loop.call_soon(over.set_result, None)
        await over
        done.append("root")

    run_process(main, _settings)

    assert done == ["neighbour", "root"]


def test_an_exit_of_the_root_ends_the_process() -> None:
    async def main() -> None:
        _exit()

    with pytest.raises(SystemExit) as caught:
        run_process(main, _settings)
    assert caught.value.code == 3


@pytest.mark.parametrize(
    ("form", "is_terminal", "is_json"),
    [(None, False, True), (None, True, False), ("text", False, False), ("json", True, True)],
)
def test_a_person_reads_text_and_a_program_json(
    form: str | None, is_terminal: bool, is_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stderr", out)

    set_up("INFO", form)
    logging.getLogger("headrace").info("worker.started", extra={"slots": 64})

    assert out.getvalue().startswith("{") is is_json
    assert ("slots=64" in out.getvalue()) is not is_json
