"""Looks for what is about to come, instead of sleeping until it comes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

#: How long something is looked for: longer than Redis on the same machine takes for an entry or a claim.
POLL_S = 0.002
#: Somebody else wanted the processor if it was away for longer than that.
BUSY_S = 0.000_1
#: After so many times in a row that nothing came in time, every 2**MOST_MISSES th occasion is tried.
MOST_MISSES = 6

#: The run that a wake announces, the one that may follow a result, and the answer to an entry of a journal.
Expected = Literal["run", "next_run", "entry"]


@dataclass(slots=True)
class _Luck:
    """Times in a row that something expected did not come in time, and occasions that are left out for it."""

    misses: int = 0
    left_out: int = 0

    def is_tried(self) -> bool:
        if self.left_out:
            self.left_out -= 1
            return False
        return True

    def miss(self) -> None:
        self.misses = min(self.misses + 1, MOST_MISSES)
        self.left_out = 2**self.misses - 1


class Polling:
    """Keeps an event loop turning for a moment, so that what comes then finds this process on a processor.

    To wake one that sleeps takes about a tenth of a millisecond, on either side: as long as Redis takes for a
    script. Whatever else wants the processor gets it, and ends the look; what never comes in time is hardly
    looked for.

    may_poll  whether nothing else in this process waits for its turn.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, may_poll: Callable[[], bool]) -> None:
        self._loop = loop
        self._may_poll = may_poll
        self._is_possible = _processors() > 1 and hasattr(os, "sched_yield")
        self._luck: dict[Expected, _Luck] = {"run": _Luck(), "next_run": _Luck(), "entry": _Luck()}
        self._current = self._luck["run"]
        self._until_s = 0.0
        self._is_turning = self._has_come = False

    def expect(self, what: Expected) -> None:
        """Look out for a moment: something is about to come. In the loop's thread."""
        if not self._is_possible or not self._may_poll() or not self._luck[what].is_tried():
            return
        self._current = self._luck[what]
        self._until_s = time.monotonic() + POLL_S
        self._has_come = False
        if not self._is_turning:
            self._is_turning = True
            self._loop.call_soon(self._turn)

    def came(self) -> None:
        """Look out no longer: something has come. From any thread."""
        self._has_come = True

    def _turn(self) -> None:
        now_s = time.monotonic()
        if self._has_come:
            self._is_turning, self._current.misses = False, 0
        elif now_s >= self._until_s:
            self._is_turning = False
            self._current.miss()
        else:
            os.sched_yield()
            if time.monotonic() - now_s > BUSY_S:
                self._is_turning = False
            else:
                self._loop.call_soon(self._turn)


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
