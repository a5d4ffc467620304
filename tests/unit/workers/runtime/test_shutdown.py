"""The process of a worker ends, whatever its handlers do."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator

import pytest

from tests.unit.workers.runtime.stubborn import stubborn
from workers.runtime.shutdown import Shutdown


class Stubborn:
    """Stands for a worker: notes what is asked of it."""

    def __init__(self) -> None:
        self.drained = asyncio.Event()
        self.handed_back = threading.Event()
        self.ended: list[int] = []

    def drain(self) -> None:
        self.drained.set()

    def hand_back_now(self) -> None:
        self.handed_back.set()

    def left(self) -> list[str]:
        return ["e1/A"]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put the signal handlers of the test run back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_drains() -> None:
    async def main() -> Stubborn:
        worker = Stubborn()
        shutdown = Shutdown(worker, drain_s=60, end=worker.ended.append)
        asyncio.get_running_loop().call_later(0.01, signal.raise_signal, signal.SIGTERM)
        await shutdown.watch(_until(worker.drained))
        return worker

    worker = asyncio.run(main())

    assert not worker.handed_back.is_set()


def test_a_second_signal_hands_back_and_ends_at_once() -> None:
    async def main() -> Stubborn:
        worker, over = Stubborn(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def end(code: int) -> None:
            worker.ended.append(code)
            loop.call_soon_threadsafe(over.set)

        for pause_s, number in ((0.01, signal.SIGTERM), (0.02, signal.SIGINT)):
            loop.call_later(pause_s, signal.raise_signal, number)
        await Shutdown(worker, drain_s=60, end=end).watch(_until(over))
        return worker

    worker = asyncio.run(main())

    assert worker.handed_back.is_set()
    assert worker.ended[0] == 128 + signal.SIGINT


def test_a_task_that_does_not_end_does_not_keep_the_process() -> None:
    async def main() -> Stubborn:
        worker, may_end = Stubborn(), asyncio.Event()

        task = asyncio.create_task(stubborn(may_end))
        await asyncio.sleep(0)
        await Shutdown(worker, drain_s=60, end=worker.ended.append).finish()
        may_end.set()
        await task
        return worker

    assert asyncio.run(main()).ended == [0]


async def _until(event: asyncio.Event) -> None:
    await event.wait()
