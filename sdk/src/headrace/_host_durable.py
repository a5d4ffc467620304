"""Journal and inbox as a handler in a host has them: each call is asked for, see `headrace.durable`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace._asks import Asks
from headrace._frames import read_json
from headrace.durable import Entry, Journaled, Letter, TypedEvent
from headrace.outcome import Terminal, read_events
from headrace.plain_json import Json, as_json, written


class HostJournal:
    """See `headrace.durable.Journal`."""

    def __init__(self, asks: Asks, *, is_empty: bool) -> None:
        self._asks = asks
        #: Nothing has been written: this is the first attempt, and it has not.
        self._is_empty = is_empty

    def read(self) -> Journaled:
        if self._is_empty:
            return Journaled()
        return self._asks.call("journal.read", {}, b"", _journaled)

    def append(
        self,
        data: Any,
        *,
        events: Sequence[TypedEvent | tuple[Any, ...]] | Json = (),
        takes: Letter | int | None = None,
    ) -> Entry:
        self._is_empty = False
        plain, kept = _json(data, "data")
        if isinstance(events, Json):
            along = events.text
        else:
            _, along = _json([list(event) for event in read_events(events, "of an entry")], "events")
        fields = {"takes": takes.number if isinstance(takes, Letter) else takes, "data_bytes": len(kept)}

        def read(header: Mapping[str, Any], body: bytes) -> Entry:
            return Entry(header["number"], plain)

        # It is written whoever waits for it, so that the next one has the next number.
        return self._asks.call("journal.append", fields, kept + along, read, is_kept=True)

    def snapshot(self, data: Any, through: int) -> Entry:
        plain, kept = _json(data, "data")

        def read(header: Mapping[str, Any], body: bytes) -> Entry:
            return Entry(through, plain)

        return self._asks.call("journal.snapshot", {"through": through}, kept, read, is_kept=True)


class HostInbox:
    """See `headrace.durable.Inbox`."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks

    def receive(self, timeout_s: float | None = None) -> Letter:
        return self._asks.call("inbox.receive", {"timeout_s": timeout_s}, b"", _letter)


def _journaled(header: Mapping[str, Any], body: bytes) -> Journaled:
    snapshot, *entries = read_json(body)
    return Journaled(snapshot, header["through"], tuple(Entry(*entry) for entry in entries))


def _letter(header: Mapping[str, Any], body: bytes) -> Letter:
    if header["number"] is None:
        raise TimeoutError("no letter has come within the time")
    return Letter(header["number"], read_json(body))


def _json(value: Any, what: str) -> tuple[Any, bytes]:
    """Give what JSON makes of a value, and the JSON."""
    if isinstance(value, Json):
        return value, value.text
    try:
        plain = as_json(value, what)
        return plain, written(plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise Terminal(f"the entry is not JSON: {error}") from None
