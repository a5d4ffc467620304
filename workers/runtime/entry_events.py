"""Writes the typed events of journal entries as the history keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.durable import TypedEvent
from headrace.outcome import read_events
from headrace.plain_json import Json
from orchestrator.definitions.interface import Interface
from orchestrator.documents import exact_json
from workers.reports import event_of
from workers.runtime.redaction import Redactor

#: Lists that are kept as they were written, and bytes of the longest of them.
MOST_KEPT, MOST_BYTES = 256, 4 * 1024


class EntryEvents:
    """Writes events, and keeps what is short: a workflow says the same of its steps in every run."""

    def __init__(self) -> None:
        #: By the text of a list, and who has checked it and looked it through: these are in it, so that
        #: nothing else gets their ids.
        self._kept: dict[tuple[bytes, int, int], tuple[Interface | None, Redactor, list[bytes]]] = {}

    def of(
        self,
        events: Sequence[TypedEvent | tuple[Any, ...]] | Json,
        interface: Interface | None,
        redactor: Redactor,
    ) -> list[bytes]:
        """Write each event, without secrets. Raises Terminal for what is none."""
        if not isinstance(events, Json):
            return [_written(TypedEvent(*event), interface, redactor) for event in events]
        # As it was sent by a process with the user's code.
        key = (events.text, id(interface), id(redactor))
        if (found := self._kept.get(key)) is not None:
            return found[2]
        written = [_written(event, interface, redactor) for event in read_events(events, "of an entry")]
        if len(events.text) <= MOST_BYTES:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (interface, redactor, written)
        return written


def _written(event: TypedEvent, interface: Interface | None, redactor: Redactor) -> bytes:
    return exact_json.dumps(redactor.output(event_of(event, interface)))
