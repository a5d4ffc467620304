"""Stand-ins for the journal and the inbox of a durable handler, on a clock that only they move."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.durable import ENTRY_MAX_BYTES, Entry, Journaled, Letter, TypedEvent
from headrace.fake_events import kept_event
from headrace.outcome import Terminal, read_events
from headrace.plain_json import Json, as_json
from headrace.wording import kind_of

#: When a virtual clock begins, unless a test says otherwise: 2030-01-01, UTC.
BEGINNING_MS = 1_893_456_000_000
#: Bytes of a journal, each entry with what is counted on top.
JOURNAL_MAX_BYTES = 32 * 1024 * 1024
ENTRY_WEIGHT = 64


class WorkerLost(BaseException):
    """The worker of the attempt is gone: the test asked for it. Only a `finally` may notice."""


@dataclass(slots=True)
class Clock:
    """A clock that stands still, but for those who wait on it. Unix epoch."""

    now_ms: int = BEGINNING_MS


class FakeInbox:
    """An inbox whose letters come at moments of a clock.

    letters  payloads, or pairs of seconds from the beginning of the clock and a payload, in any order.
    """

    def __init__(self, letters: Iterable[Any] = (), clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        if isinstance(letters, str | bytes | Mapping):
            raise TypeError(f"letters is a list of payloads, got {kind_of(letters)}; write letters=[…]")
        began_ms = self.clock.now_ms
        pairs = [each if _is_timed(each) else (0.0, each) for each in letters]
        pairs.sort(key=lambda pair: pair[0])
        self._coming = [
            (began_ms + round(after_s * 1000), Letter(number, as_json(payload, "payload")))
            for number, (after_s, payload) in enumerate(pairs, 1)
        ]
        #: Numbers of the letters that entries have taken.
        self.taken = 0

    @property
    def waiting(self) -> list[Letter]:
        """Letters that have come, and that no entry has taken."""
        return [letter for at_ms, letter in self._coming[self.taken :] if at_ms <= self.clock.now_ms]

    @property
    def left(self) -> list[Letter]:
        """Letters that no entry has taken, whether they have come or not."""
        return [letter for _, letter in self._coming[self.taken :]]

    @property
    def next_ms(self) -> int | None:
        """When the next letter to be taken comes, or came."""
        return self._coming[self.taken][0] if self.taken < len(self._coming) else None

    def receive(self, timeout_s: float | None = None) -> Letter:
        """Give the next letter, or move the clock to the moment when it comes, or to the end of the time."""
        limit_ms = None if timeout_s is None else self.clock.now_ms + round(timeout_s * 1000)
        next_ms = self.next_ms
        if next_ms is None and limit_ms is None:
            raise AssertionError(
                "the handler waits for a letter that never comes: give the test more letters"
            )
        if next_ms is None or (limit_ms is not None and next_ms > limit_ms):
            assert limit_ms is not None
            self.clock.now_ms = max(self.clock.now_ms, limit_ms)
            raise TimeoutError(f"no letter has come within {timeout_s:g} s")
        self.clock.now_ms = max(self.clock.now_ms, next_ms)
        return self._coming[self.taken][1]

    def take(self, letter: Letter | int) -> None:
        """Let an entry take a letter: the next one, and no other."""
        number = letter.number if isinstance(letter, Letter) else letter
        if number != self.taken + 1 or not self.waiting:
            raise Terminal(
                f"the entry cannot take letter {number}: the next one to be taken is {self.taken + 1}"
            )
        self.taken = number


@dataclass(slots=True)
class FakeJournal:
    """A journal that a test may look into, and begin with entries.

    entries     all of them, also those that a snapshot stands for: what was written is never forgotten here.
    lost_after  numbers of entries behind which the worker is lost, once each.
    """

    entries: list[Entry] = field(default_factory=list)
    inbox: FakeInbox = field(default_factory=FakeInbox)
    events: list[tuple[str, Any]] = field(default_factory=list)
    snapshots: list[Entry] = field(default_factory=list)
    lost_after: Collection[int] = ()
    _bytes: int = 0

    @classmethod
    def of(cls, entries: Sequence[Any] = (), **fields: Any) -> FakeJournal:
        """Make a journal with these data, as an earlier attempt has written them."""
        return cls([Entry(number, as_json(data, "data")) for number, data in enumerate(entries, 1)], **fields)

    def read(self) -> Journaled:
        newest = self.snapshots[-1] if self.snapshots else None
        through = newest.number if newest else 0
        return Journaled(newest.data if newest else None, through, tuple(self.entries[through:]))

    def append(
        self,
        data: Any,
        *,
        events: Sequence[TypedEvent | tuple[Any, ...]] | Json = (),
        takes: Letter | int | None = None,
    ) -> Entry:
        kept, size = _kept(data)
        written = [kept_event(event) for event in read_events(events, "of an entry")]
        if self._bytes + size + ENTRY_WEIGHT > JOURNAL_MAX_BYTES:
            raise Terminal("the journal would have more than 32 MiB", type="JournalTooLarge")
        if takes is not None:
            self.inbox.take(takes)
        entry = Entry(len(self.entries) + 1, kept)
        self._bytes += size + ENTRY_WEIGHT
        self.entries.append(entry)
        self.events += written
        if entry.number in self.lost_after:
            raise WorkerLost
        return entry

    def snapshot(self, data: Any, through: int) -> Entry:
        kept, size = _kept(data)
        if not 0 < through <= len(self.entries):
            raise Terminal(f"no snapshot can stand for entry {through}: there is none of that number")
        entry = Entry(through, kept)
        if not self.snapshots or through >= self.snapshots[-1].number:
            self.snapshots.append(entry)
            rest = (len(json.dumps(each.data)) + ENTRY_WEIGHT for each in self.entries[through:])
            self._bytes = size + ENTRY_WEIGHT + sum(rest)
        return entry


def _kept(data: Any) -> tuple[Any, int]:
    """Give data as JSON gives it back, and its size. Raises Terminal for what cannot be an entry."""
    try:
        kept = as_json(json.loads(data.text) if isinstance(data, Json) else data, "data")
    except (TypeError, ValueError, RecursionError) as error:
        raise Terminal(f"the entry is not JSON: {error}") from None
    if (size := len(json.dumps(kept).encode())) > ENTRY_MAX_BYTES:
        message = f"the entry has {size:,} bytes as JSON; allowed are {ENTRY_MAX_BYTES:,}"
        raise Terminal(message, type="JournalTooLarge")
    return kept, size


def _is_timed(letter: Any) -> bool:
    return (
        isinstance(letter, tuple)
        and len(letter) == 2
        and isinstance(letter[0], int | float)
        and not isinstance(letter[0], bool)
    )
