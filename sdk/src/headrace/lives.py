"""The life of a durable handler in a test: attempt after attempt, on a clock that only waits move."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.durable import Letter
from headrace.fake_durable import BEGINNING_MS, Clock, FakeInbox, FakeJournal, WorkerLost
from headrace.ran import Ran


@dataclass(frozen=True, slots=True)
class Lived:
    """What became of a durable handler.

    ran         its last attempt: completed, failed, skipped, or parked with nothing that would wake it.
    attempts    all of them, in order; those of a worker that was lost have failed.
    journal     all that was written down.
    letters     those that no entry has taken.
    elapsed_ms  how far the clock has moved.
    """

    ran: Ran
    attempts: tuple[Ran, ...]
    journal: FakeJournal
    letters: tuple[Letter, ...]
    elapsed_ms: int

    @property
    def output(self) -> Any:
        return self.ran.output


class Life:
    """Says what the next attempt sees, and whether there is one."""

    def __init__(
        self,
        *,
        letters: Iterable[Any],
        entries: Iterable[Any],
        lost_after: Collection[int],
        now_ms: int | None,
        most_attempts: int,
    ) -> None:
        self._clock = Clock(BEGINNING_MS if now_ms is None else now_ms)
        self._began_ms = self._clock.now_ms
        self._inbox = FakeInbox(letters, self._clock)
        self._journal = FakeJournal.of(list(entries), inbox=self._inbox, lost_after=lost_after)
        self._most_attempts = most_attempts
        self._attempts: list[Ran] = []
        self.is_over = False

    def context(self) -> Mapping[str, Any]:
        """Fields of the context of the next attempt."""
        return {
            "attempt": len(self._attempts) + 1,
            "now_ms": self._clock.now_ms,
            "journal": self._journal,
        }

    def take(self, ran: Ran) -> None:
        """Take what an attempt came to, and move the clock to the next one, if there is one."""
        self._attempts.append(ran)
        if isinstance(ran.raised, WorkerLost):
            self._check_count()
            return
        if ran.outcome != "parked":
            self.is_over = True
            return
        moments = [moment for moment in (ran.until_ms, self._inbox.next_ms) if moment is not None]
        if not moments:
            self.is_over = True
            return
        self._clock.now_ms = max(self._clock.now_ms, min(moments))
        self._check_count()

    def _check_count(self) -> None:
        if len(self._attempts) >= self._most_attempts:
            raise AssertionError(
                f"the handler has not ended after {self._most_attempts} attempts: "
                "it may park while a letter that it never takes is there"
            )

    def result(self) -> Lived:
        rest = self._inbox.left
        elapsed_ms = self._clock.now_ms - self._began_ms
        return Lived(self._attempts[-1], tuple(self._attempts), self._journal, tuple(rest), elapsed_ms)
