"""Everybody in this process who waits for an execution to end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from headrace.backoff import Backoff
from orchestrator.states import ExecutionStatus

log = logging.getLogger("headrace.api.streaming")

#: After statuses could not be read.
READ_AGAIN = Backoff(first_s=0.05, most_s=2.0)
#: Statuses read by one command.
SLICE = 500

#: Reads the statuses of executions; one that does not exist is left out.
ReadStatuses = Callable[[Sequence[str]], Awaitable[Mapping[str, ExecutionStatus]]]


@dataclass(slots=True, eq=False)
class Expected:
    """Ends that may come before it is known of what.

    channel  is told of the ends of executions that are started with it as their `waiter`; None while it is
             not heard, or was not for a moment.
    ended    executions whose end was heard, with what was told of it.
    told     the message of the end that is waited for, where the waiter asked for the outcome; else empty.
    is_open  what ends is still noted.
    """

    channel: str | None
    ended: dict[str, bytes] = field(default_factory=dict)
    told: bytes = b""
    is_open: bool = True

    @property
    def asking(self) -> str | None:
        """Give the `waiter` that asks for the outcome, too; see `Executions.outcome`."""
        return self.channel and f"{self.channel} outcome"

    def close(self) -> None:
        """Note no more ends, and let go of those that were noted."""
        self.is_open = False
        self.ended.clear()


class Ends:
    """Waiters by execution, answered when its status says that it has ended.

    What may have ended is looked at: whatever one turn of the event loop brings with one command, however
    many wait.
    """

    def __init__(self, read: ReadStatuses) -> None:
        self._read = read
        self._waiters: dict[str, set[asyncio.Future[bool]]] = {}
        #: Executions whose one waiter was there before their first wake-up.
        self._unheard: set[str] = set()
        self._news: set[str] = set()
        self._expected: set[Expected] = set()
        #: Those that are known by the id of what they expect.
        self._known: dict[str, Expected] = {}
        self._has_news = asyncio.Event()
        self._is_stopping = False

    def __contains__(self, execution_id: str) -> bool:
        return execution_id in self._waiters

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(waiters) for waiters in self._waiters.values())

    def join(self, execution_id: str, *, is_watched: bool = True) -> asyncio.Future[bool]:
        """Begin to wait. The future says True once the execution has ended, False when the process stops.

        is_watched  False where the first wake-up is still to come: none will be of an end before a retry.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if is_watched or execution_id in self._waiters:
            self._unheard.discard(execution_id)
        else:
            self._unheard.add(execution_id)
        if self._is_stopping:
            future.set_result(False)
        self._waiters.setdefault(execution_id, set()).add(future)
        return future

    def leave(self, execution_id: str, future: asyncio.Future[bool]) -> bool:
        """End a wait, answered or not. Says whether nobody else waits for that execution."""
        waiters = self._waiters[execution_id]
        waiters.discard(future)
        if not waiters:
            del self._waiters[execution_id]
            self._news.discard(execution_id)
            self._unheard.discard(execution_id)
            self._known.pop(execution_id, None)
        return not waiters

    def end(self, execution_id: str, told: bytes = b"") -> None:
        """A wake-up says that an execution has ended; it may be an old one, which is looked at."""
        if told and (known := self._known.get(execution_id)):
            known.told = told
        if execution_id in self._unheard:
            _answer(self._waiters[execution_id], has_ended=True)
        else:
            self.mark(execution_id)
        for each in self._expected:
            if each.is_open:
                each.ended[execution_id] = told or each.ended.get(execution_id, b"")

    @contextmanager
    def expecting(self, channel: str | None) -> Iterator[Expected]:
        """Listen to the ends of what is being started; see `Expected`."""
        expected = Expected(channel)
        self._expected.add(expected)
        try:
            yield expected
        finally:
            self._expected.discard(expected)

    def was_heard(self, expected: Expected, execution_id: str) -> bool:
        """Say whether an execution has ended before it was known by its id; it is known from now on."""
        self._expected.discard(expected)
        is_over = execution_id in expected.ended
        expected.told = expected.ended.get(execution_id, b"")
        expected.close()
        if not is_over:
            self._known[execution_id] = expected
        return is_over

    def mark(self, execution_id: str) -> None:
        """There may be news of an execution."""
        if execution_id in self._waiters:
            self._news.add(execution_id)
            self._has_news.set()

    def forget(self) -> None:
        """Messages may have been lost: there may be news of every execution."""
        for each in self._expected:
            each.channel = None
        for known in self._known.values():
            known.told = b""
        self.mark_all()

    def mark_all(self) -> None:
        """There may be news of every execution."""
        self._news.update(self._waiters)
        self._has_news.set()

    def stop(self) -> None:
        """End every wait now."""
        self._is_stopping = True
        for waiters in self._waiters.values():
            _answer(waiters, has_ended=False)

    async def run(self) -> None:
        """Answer waiters until cancelled."""
        tries = 0
        while True:
            await self._has_news.wait()
            # Wake-ups come in crowds: those that this turn of the loop brings are looked at together.
            await asyncio.sleep(0)
            self._has_news.clear()
            part = list(islice(self._news, SLICE))
            self._news.difference_update(part)
            if self._news:
                self._has_news.set()
            if not part:
                continue
            try:
                statuses = await self._read(part)
            except Exception as error:
                log.warning("wait.read_failed", extra={"error": str(error)})
                tries += 1
                await asyncio.sleep(READ_AGAIN.pause_s(tries))
                for execution_id in part:
                    self.mark(execution_id)
                continue
            tries = 0
            for execution_id in part:
                status = statuses.get(execution_id)
                if status is None or status.is_terminal:
                    _answer(self._waiters.get(execution_id, set()), has_ended=True)
                elif known := self._known.get(execution_id):
                    known.told = b""  # It was of an end before a retry.


def give_up(future: asyncio.Future[bool]) -> None:
    """End a wait without an end."""
    _answer({future}, has_ended=False)


def _answer(waiters: set[asyncio.Future[bool]], *, has_ended: bool) -> None:
    for future in waiters:
        if not future.done():
            future.set_result(has_ended)
