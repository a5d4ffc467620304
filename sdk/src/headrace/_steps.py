"""Which attempt is on the CPU, and when the loop turned last.

Written where the worker can read it while the loop is held up, and after this process has died.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import time
from collections.abc import Coroutine, Generator
from contextvars import Context
from types import CoroutineType
from typing import Any

from headrace._streams import CURRENT

#: In shared memory: the attempt on the CPU (0: none), and when the loop turned last (monotonic, nanoseconds).
SLOT = struct.Struct("=QQ")


class Steps:
    """The id of the attempt whose code runs in the main thread, in shared memory; 0 for none."""

    __slots__ = ("_slot", "_turned_ns", "current")

    def __init__(self, slot: mmap.mmap) -> None:
        self._slot = memoryview(slot).cast("Q")
        self.current = 0
        self._turned_ns = time.monotonic_ns()

    def enter(self, attempt: int) -> None:
        """Note whose code runs."""
        self.current = self._slot[0] = attempt

    def leave(self) -> None:
        self.current = self._slot[0] = 0

    def turn(self) -> None:
        """Note that the loop turns."""
        self._turned_ns = time.monotonic_ns()
        self._slot[1] = self._turned_ns

    def silent_s(self) -> float:
        """How long ago that was noted last."""
        return (time.monotonic_ns() - self._turned_ns) / 1e9


class Followed(Coroutine[Any, Any, Any]):
    """A coroutine whose every step is known as a step of its attempt."""

    __slots__ = ("_attempt", "_inner", "_steps")

    def __init__(self, inner: Coroutine[Any, Any, Any], attempt: int, steps: Steps) -> None:
        self._inner = inner
        self._attempt = attempt
        self._steps = steps

    def send(self, value: Any) -> Any:
        self._steps.enter(self._attempt)
        try:
            return self._inner.send(value)
        finally:
            self._steps.leave()

    def throw(self, *error: Any) -> Any:
        self._steps.enter(self._attempt)
        try:
            return self._inner.throw(*error)
        finally:
            self._steps.leave()

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()

    def __getattr__(self, name: str) -> Any:
        # Names and frames, for whoever looks at a task.
        return getattr(self._inner, name)


def follow_steps(loop: asyncio.AbstractEventLoop, steps: Steps) -> None:
    """Follow the steps of every task that an attempt starts."""

    def make(
        loop: asyncio.AbstractEventLoop, coroutine: Any, context: Context | None = None, **extra: Any
    ) -> Any:
        attempt = CURRENT.get() if context is None else context.get(CURRENT, 0)
        if attempt and (type(coroutine) is CoroutineType or isinstance(coroutine, Coroutine)):
            coroutine = Followed(coroutine, attempt, steps)
        return asyncio.Task(coroutine, loop=loop, context=context, **extra)

    loop.set_task_factory(make)
