"""Letters to durable handlers and the journals that these write, as they are read."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.states import ExecutionStatus


@dataclass(frozen=True, slots=True)
class InboxState:
    """The inbox of a parked unit.

    waits_for  what its handler says it waits for, in its own words.
    letters    how many wait to be taken.
    """

    waits_for: tuple[str, ...] = ()
    letters: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a journal. data is JSON as stored."""

    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Journal:
    """What a durable handler has written down, or a part of it.

    last      number of the newest entry; 0 before the first.
    through   number of the newest entry that the snapshot stands for; 0 without one.
    snapshot  JSON as stored; None without one, and where all before was let go.
    entries   behind the snapshot, in order.
    bytes     of all that is kept.
    """

    last: int
    through: int
    snapshot: bytes | None
    entries: tuple[Entry, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter that waits to be taken. payload is JSON as stored."""

    number: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Letters:
    """The letters of one unit.

    last     number of the newest letter, taken of the newest that was taken; 0 for none.
    waiting  the oldest of those between them.
    """

    last: int
    taken: int
    waiting: tuple[Letter, ...]


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter that was taken. letter: its number among all letters to the node."""

    execution_id: str
    node_id: str
    status: ExecutionStatus
    letter: int
    replayed: bool
