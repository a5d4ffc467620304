"""How long a request counts as let in: its body may come slowly, and its answer late."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

#: A request that takes longer is let in again before it has an effect, or an answer.
FRESH_S = 0.5


class Admission:
    """One request's pass, from the moment it was let in. Made by the middleware, before anyone asks."""

    __slots__ = ("_admit", "_admitted_s")

    def __init__(self) -> None:
        self._admit: Callable[[], Awaitable[object]] | None = None
        self._admitted_s = 0.0

    def begin(self, admit: Callable[[], Awaitable[object]]) -> None:
        """Take note that the request was let in; `admit` asks the same again, and raises where it is not."""
        self._admit = admit
        self._admitted_s = time.monotonic()

    async def renew(self, *, at_once: bool = False) -> None:
        """Ask again, where it was a while ago, or in any case."""
        if self._admit is None:
            return
        if at_once or time.monotonic() - self._admitted_s > FRESH_S:
            await self._admit()
            self._admitted_s = time.monotonic()
