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

from logs import OncePerMinute, run_process, set_up


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


class Log:
    """What passes of the lines that are logged at moments of a clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._filter = OncePerMinute(lambda: self.now_s)

    def passes(self, event: str, level: int = logging.WARNING, **fields: Any) -> int | None:
        """None where the line is left out; else how many it says were."""
        record = logging.makeLogRecord({"name": "x", "msg": event, "levelno": level, **fields})
        return getattr(record, "repeated", 0) if self._filter.filter(record) else None


def test_a_fault_that_lasts_is_a_line_a_minute_with_how_many_were_left_out() -> None:
    log = Log()

    found = []
    for second in range(0, 125, 5):
        log.now_s = second
        found.append(log.passes("read_failed", error=f"no answer in {second} ms", calls=second))

    assert [each for each in found if each is not None] == [0, 11, 11]


@pytest.mark.parametrize(
    "other",
    [
        {"event": "read_failed", "error": "disk full"},
        {"event": "read_failed", "error": "away", "execution_id": "e2"},
    ],
)
def test_another_fault_has_a_line_of_its_own(other: dict[str, Any]) -> None:
    log = Log()
    log.passes("read_failed", error="away", execution_id="e1")

    assert log.passes(**other) == 0


def test_one_fault_of_many_requests_and_duties_is_one_fault() -> None:
    log = Log()

    assert log.passes("duty_failed", error="StoreUnavailable: away", duty="timers") == 0
    assert log.passes("duty_failed", error="away", duty="sweep") is None
    log.now_s = 60

    assert [log.passes("request.failed", error="away", request_id=each) for each in "abc"] == [1, None, None]


@pytest.mark.parametrize("level", [logging.INFO, logging.CRITICAL])
def test_what_is_no_lasting_fault_always_passes(level: int) -> None:
    log = Log()

    assert [log.passes("done", level, error="x") for _ in range(2)] == [0, 0]
    assert [log.passes("node.lost", logging.WARNING) for _ in range(2)] == [0, 0]
