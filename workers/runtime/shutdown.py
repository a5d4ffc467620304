"""Ends a worker process that was asked to end, whatever its handlers do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Protocol

log = logging.getLogger("headrace.worker")

#: Beyond the time for draining: for writing ends, for the last beat, for leaving.
LEAVING_S = 10.0
#: What a second signal leaves for handing attempts back.
AT_ONCE_S = 1.0
#: How long what is left may take to end by itself once the worker has stopped.
LINGER_S = 0.5


class Stoppable(Protocol):
    """A worker as its process sees it."""

    def drain(self) -> None:
        """Claim nothing more and come to an end; called in the event loop."""

    def hand_back_now(self) -> None:
        """Hand back all attempts without the event loop, which may stand still."""

    def left(self) -> list[str]:
        """Name what has not ended."""


class Shutdown:
    """Drains on the first signal, ends the process on the second one, and when draining does not end.

    end  ends the process at once, with an exit code.
    """

    def __init__(self, worker: Stoppable, *, drain_s: float, end: Callable[[int], None] = os._exit) -> None:
        self._drain, self._hand_back, self._left = worker.drain, worker.hand_back_now, worker.left
        self._drain_s = drain_s
        self._end = end
        self._loop = asyncio.get_running_loop()
        # One of our own: the loop waits without end for the threads of the one it makes itself.
        self._threads = ThreadPoolExecutor(thread_name_prefix="aside")
        self._loop.set_default_executor(self._threads)
        self._is_draining = False
        self._has_stopped = threading.Event()

    def _listen(self) -> None:
        """Take SIGTERM and SIGINT, by handlers that run even while the event loop is kept busy."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        is_second, self._is_draining = self._is_draining, True
        if not is_second:
            with contextlib.suppress(RuntimeError):  # The loop is closed: the process ends just now.
                self._loop.call_soon_threadsafe(self._drain)
        # A thread: logging and Redis are not for a signal handler, which may interrupt either of them.
        work = self._end_at_once if is_second else self._end_in_time
        threading.Thread(target=work, args=(number,), name="shutdown", daemon=True).start()

    def _end_in_time(self, number: int) -> None:
        """End the process when draining has not ended it by itself."""
        if self._has_stopped.wait(self._drain_s + LEAVING_S):
            return
        log.error("worker.does_not_drain", extra={"left": self._left()})
        self._bounded_hand_back()
        self._end(0)

    def _end_at_once(self, number: int) -> None:
        log.warning("worker.killed", extra={"signal": signal.Signals(number).name, "left": self._left()})
        self._bounded_hand_back()
        self._end(128 + number)

    def _bounded_hand_back(self) -> None:
        work = threading.Thread(target=self._hand_back, name="hand-back", daemon=True)
        work.start()
        work.join(AT_ONCE_S)

    async def watch(self, work: Awaitable[None]) -> None:
        """Run a worker until it has drained, and let its process end then. Raises what it raises."""
        self._listen()
        code = 1
        try:
            await work
            code = 0
        finally:
            if code:
                log.critical("worker.crashed", exc_info=True)
            await self.finish(code)

    async def finish(self, code: int = 0) -> None:
        """End the process if something that nobody can stop would keep it: the worker has stopped by now."""
        self._has_stopped.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=LINGER_S)
        tasks = [task for task in others if not task.done()]
        self._threads.shutdown(wait=False, cancel_futures=True)
        threads = _living_threads()
        if not tasks and not threads:
            return
        extra = {"left": self._left(), "tasks": len(tasks), "threads": [each.name for each in threads]}
        log.warning("worker.left_behind", extra=extra)
        self._end(code)


def _living_threads() -> list[threading.Thread]:
    """Wait a moment for the threads that Python would wait for, without end, and give those still alive."""
    own = {threading.main_thread(), threading.current_thread()}
    others = [each for each in threading.enumerate() if not each.daemon and each not in own]
    for each in others:
        each.join(LINGER_S / len(others))
    return [each for each in others if each.is_alive()]


async def cancel_all(duties: Sequence[asyncio.Task[None]]) -> None:
    """Cancel until all are gone: `asyncio.wait_for` of Python 3.11 swallows a cancel that meets its end."""
    left = set(duties)
    while left:
        for duty in left:
            duty.cancel()
        _, left = await asyncio.wait(left, timeout=0.2)
    await asyncio.gather(*duties, return_exceptions=True)
