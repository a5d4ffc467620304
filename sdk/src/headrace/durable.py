"""What a durable handler has beside its context: a journal of its work, and an inbox for letters.

An async handler awaits each call; in a plain function the call waits by itself and gives the answer, which
may be awaited all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from headrace.plain_json import Json
from headrace.tools import Given

#: Bytes of one entry or snapshot, and of one letter, as JSON.
ENTRY_MAX_BYTES = 1024 * 1024
LETTER_MAX_BYTES = 256 * 1024
#: Bytes of the value of one typed event, as JSON.
VALUE_MAX_BYTES = 256 * 1024
#: Typed events kept for one execution; whoever emits one more fails.
MAX_EVENTS = 10_000


class TypedEvent(NamedTuple):
    """A typed event that is written with an entry of a journal; see `Context.emit`. A plain tuple will do."""

    type: str
    value: Any
    parents: Sequence[str] = ()
    internal: bool = False
    repeated: bool = False
    qualified_name: str | None = None


@dataclass(frozen=True, slots=True)
class Letter(Given["Letter"]):
    """A letter that no entry has taken yet. Numbers of a node's letters rise by one, from 1."""

    number: int
    payload: Any

    def __hash__(self) -> int:
        # As a task it is kept in sets, and its payload may have no hash.
        return hash(self.number)


@dataclass(frozen=True, slots=True)
class Entry(Given["Entry"]):
    """One entry of a journal. Numbers rise by one, from 1, through all attempts of the node."""

    number: int
    data: Any

    def __hash__(self) -> int:
        return hash(self.number)


@dataclass(frozen=True, slots=True)
class Journaled(Given["Journaled"]):
    """All that a node has written down.

    snapshot  stands for the entries up to number `through`; None where there is none.
    entries   those behind it, in order.
    """

    snapshot: Any = None
    through: int = 0
    entries: tuple[Entry, ...] = ()

    @property
    def last(self) -> int:
        """Number of the newest entry; 0 before the first."""
        return self.entries[-1].number if self.entries else self.through

    def __hash__(self) -> int:
        return hash(self.last)


class Journal(Protocol):
    """What the attempts of a node write down of their work, each for the one after it.

    It outlives attempts, parks and retries in place, and goes with the execution. A replay or a fork begins
    with an empty one.
    """

    def read(self) -> Journaled:
        """Read what was written: what this attempt and those before it have appended."""

    def append(
        self,
        data: Any,
        *,
        events: Sequence[TypedEvent | tuple[Any, ...]] | Json = (),
        takes: Letter | int | None = None,
    ) -> Entry:
        """Append an entry, with the events that belong to it and the letter it takes: all of it, or nothing.

        data    JSON of 1 MiB at most; a `headrace.plain_json.Json` where it is written already.
        events  written into the history with the entry, behind all that was reported before; or a Json, the
                list of them.
        takes   the letter, or its number, that leaves the inbox with this; letters leave in their order.
        Raises Terminal: `JournalTooLarge` beyond that, or once the journal would have more than 32 MiB;
        `LeaseLost` when the attempt has been replaced; what `emit` raises.
        """

    def snapshot(self, data: Any, through: int) -> Entry:
        """Put a snapshot, JSON of 1 MiB at most, in place of the entries up to number `through`.

        Gives it, with that number. Raises what `append` raises.
        """


class Inbox(Protocol):
    """Letters that were posted to the node, from outside, whatever it was doing."""

    def receive(self, timeout_s: float | None = None) -> Letter:
        """Wait for the oldest letter that no entry has taken; the same one until an entry takes it.

        timeout_s  0 looks whether there is one; None waits for ever, in a slot of the worker: to wait for
                   long, return Parked.
        Raises TimeoutError where none has come within the time.
        """
