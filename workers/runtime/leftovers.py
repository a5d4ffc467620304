"""What outlives its attempt: tasks, which fill slots, and code in hosts."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from orchestrator.store.requests import AttemptToken

log = logging.getLogger("headrace.worker")

#: Most handlers that are stopped end soon; those that have not by then are logged.
LOGGED_AFTER_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Leftover:
    """A task, or code in a host, that runs on though its attempt is over."""

    token: AttemptToken
    kind: str
    since_s: float

    @property
    def fields(self) -> dict[str, Any]:
        """What identifies it in a log line."""
        token = self.token
        return {
            "execution_id": token.execution_id,
            "node_id": token.node_id,
            "attempt": token.attempt,
            "kind": self.kind,
        }


class Leftovers:
    """All that outlives its attempt here. Changed in the event loop, read from any thread."""

    def __init__(self) -> None:
        self._running: tuple[Leftover, ...] = ()
        #: Slots of the worker that they fill. What runs in a host fills a place there.
        self.slots = 0

    def __len__(self) -> int:
        return len(self._running)

    def units(self) -> list[str]:
        """Give `execution/node` of each, the longest-running first."""
        return [f"{each.token.execution_id}/{each.token.node_id}" for each in self._running]

    def add_task(self, task: asyncio.Task[Any], token: AttemptToken) -> None:
        """Count the task of an attempt that was stopped until it ends."""
        leftover = self._add("task", token)
        task.add_done_callback(lambda _: self._remove(leftover))

    def add_in_host(self, task: asyncio.Task[Any], token: AttemptToken) -> None:
        """Count the code of a stopped attempt in a host, for as long as a task that stops it lasts."""
        leftover = self._add("host", token)
        task.add_done_callback(lambda _: self._remove(leftover))

    def _add(self, kind: str, token: AttemptToken) -> Leftover:
        leftover = Leftover(token, kind, time.monotonic())
        self._running = (*self._running, leftover)
        self.slots += kind != "host"
        asyncio.get_running_loop().call_later(LOGGED_AFTER_S, self._report, leftover)
        return leftover

    def _report(self, leftover: Leftover) -> None:
        if leftover in self._running:
            log.warning("handler.outlives_attempt", extra={**leftover.fields, "blocked": len(self._running)})

    def _remove(self, leftover: Leftover) -> None:
        self._running = tuple(each for each in self._running if each is not leftover)
        self.slots -= leftover.kind != "host"
        if (took_s := time.monotonic() - leftover.since_s) >= LOGGED_AFTER_S:
            log.info("handler.ended_late", extra={**leftover.fields, "late_s": round(took_s, 1)})
