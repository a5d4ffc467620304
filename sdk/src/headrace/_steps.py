"""Which attempt is on the CPU: written where the worker can read it even after this process has died."""

from __future__ import annotations

import asyncio
import mmap
import struct
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any

from headrace._streams import CURRENT


class Steps:
    """The id of the attempt whose code runs in the main thread, in shared memory; 0 for none."""

    __slots__ = ("_slot", "current")

    def __init__(self, slot: mmap.mmap) -> None:
        self._slot = slot
        self.current = 0

    def enter(self, attempt: int) -> None:
        self.current = attempt
        self._slot[:8] = struct.pack("<Q", attempt)

    def leave(self) -> None:
        self.current = 0
        self._slot[:8] = _NOBODY


_NOBODY = bytes(8)


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


def follow_steps(loop: asyncio.AbstractEventLoop, steps: Steps, turned: Callable[[], None]) -> None:
    """Follow the steps of every task that an attempt starts.

    turned  called twice a second while the loop turns.
    """

    def make(
        loop: asyncio.AbstractEventLoop, coroutine: Any, context: Context | None = None, **extra: Any
    ) -> Any:
        attempt = CURRENT.get() if context is None else context.get(CURRENT, 0)
        if attempt and isinstance(coroutine, Coroutine):
            coroutine = Followed(coroutine, attempt, steps)
        return asyncio.Task(coroutine, loop=loop, context=context, **extra)

    def turn() -> None:
        turned()
        loop.call_later(0.5, turn)

    loop.set_task_factory(make)
    turn()
