"""How long one request may wait for Redis altogether, however many commands it takes.

Only waiting counts: not what a client takes to send a body, and not what is computed between two commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from types import TracebackType

#: After which a cancel that had no effect is repeated. Until then a connection is given back undisturbed.
CANCEL_AGAIN_S = 1.0


class WaitBudget:
    """What is left of the time one request may wait; None once it has no bound."""

    def __init__(self, seconds: float) -> None:
        self.left_s: float | None = seconds

    def lift(self) -> None:
        """End the bound where the answer has begun: a stream may go on for as long as it likes."""
        self.left_s = None

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Bound whatever waits for Redis in this context, and in tasks that it starts."""
        token = _budget.set(self)
        try:
            yield
        finally:
            _budget.reset(token)


_budget: ContextVar[WaitBudget | None] = ContextVar("wait_budget", default=None)


def seconds_left(most_s: float) -> float:
    """How long one wait may take now: most_s, or less where the request has little left."""
    budget = _budget.get()
    if budget is None or budget.left_s is None:
        return most_s
    return min(most_s, budget.left_s)


def is_bounded() -> bool:
    """Whether this waits for a request that has a bound."""
    budget = _budget.get()
    return budget is not None and budget.left_s is not None


def charge(seconds: float) -> None:
    """Charge a wait to the request, where it has a bound."""
    budget = _budget.get()
    if budget is not None and budget.left_s is not None:
        budget.left_s -= seconds


class Waiting:
    """Bounds a wait by the clock, and charges it to the request. Raises TimeoutError once it is over.

    Not `asyncio.timeout`, which cancels once: `asyncio.wait_for` of Python 3.11, which the client of Redis
    sends by, swallows a cancel that meets its end.
    """

    __slots__ = ("_began_s", "_budget", "_cancelling", "_cancels", "_most_s", "_task", "_timer", "charges")

    def __init__(self, most_s: float | None) -> None:
        self._budget = _budget.get()
        self._most_s = None if most_s is None else seconds_left(most_s)
        self._cancels = 0
        #: False for a wait inside of another one, which is charged as a whole.
        self.charges = True

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._began_s = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        if self._most_s is not None:
            self._timer = asyncio.get_running_loop().call_later(self._most_s, self._expire)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        budget = self._budget
        if self.charges and budget is not None and budget.left_s is not None:
            budget.left_s -= time.monotonic() - self._began_s
        for _ in range(self._cancels):
            self._task.uncancel()
        is_cancelled = self._task.cancelling() > self._cancelling
        if kind is asyncio.CancelledError:
            # Cancelled from outside as well, the task ends as whoever cancelled it wants.
            if self._cancels and not is_cancelled:
                raise TimeoutError from error
        elif is_cancelled:
            # That cancel was swallowed, too, and would not come again.
            raise asyncio.CancelledError from error

    def _expire(self) -> None:
        self._cancels += 1
        self._task.cancel()
        self._timer = asyncio.get_running_loop().call_later(CANCEL_AGAIN_S, self._expire)
