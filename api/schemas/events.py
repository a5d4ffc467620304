"""Events on the wire: each one encoded once, as an SSE frame and as an NDJSON line."""

from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import BaseModel, RootModel

from api.schemas.times import rfc3339
from orchestrator.execution.model import Event

#: The last line of a history that has ended is one of these.
TERMINAL_TYPES = frozenset({"execution.completed", "execution.failed", "execution.cancelled"})

Wire = Literal["sse", "ndjson"]

MEDIA_TYPES: dict[Wire, str] = {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}


class EventLine(BaseModel):
    """One line of an execution's history, as NDJSON and as `data:` of an SSE frame."""

    seq: int
    type: str
    execution_id: str
    node_id: str | None = None
    item: int | None = None
    attempt: int | None = None
    ts: str
    data: dict[str, Any]


class GapBounds(BaseModel):
    """What is missing is between the two, neither of which is."""

    after: int
    next: int


class GapLine(BaseModel):
    """Stands, without an id of its own, for a part of the history that is gone."""

    type: Literal["gap"]
    execution_id: str
    data: GapBounds


class HistoryLine(RootModel[EventLine | GapLine]):
    """What a line of NDJSON is, and the `data:` of an SSE frame."""


@dataclass(frozen=True, slots=True)
class Line:
    """An event ready to be sent to any number of watchers."""

    seq: int
    is_terminal: bool
    sse: bytes
    ndjson: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.sse) + len(self.ndjson)

    def on(self, wire: Wire) -> bytes:
        return self.sse if wire == "sse" else self.ndjson


def encode(event: Event) -> Line:
    """Render an event for its watchers."""
    body = event_body(event)
    return Line(
        seq=event.seq,
        is_terminal=event.type in TERMINAL_TYPES,
        sse=b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.type.encode(), body),
        ndjson=body + b"\n",
    )


def event_body(event: Event) -> bytes:
    """Give an event as JSON on one line; its data are spliced in as they are stored."""
    fields: dict[str, Any] = {"seq": event.seq, "type": event.type, "execution_id": event.execution_id}
    if event.node_id is not None:
        fields["node_id"] = event.node_id
    if event.item is not None:
        fields["item"] = event.item
    if event.attempt is not None:
        fields["attempt"] = event.attempt
    fields["ts"] = rfc3339(event.ts_ms)
    fields["data"] = orjson.Fragment(_one_line(event.data) or b"{}")
    return orjson.dumps(fields)


def gap(execution_id: str, *, after: int, upto: int, wire: Wire) -> bytes:
    """Tell a watcher that the history between two ids is gone. A control frame: it never carries an id."""
    fields = {"type": "gap", "execution_id": execution_id, "data": {"after": after, "next": upto}}
    body = orjson.dumps(fields)
    return b"event: gap\ndata: %s\n\n" % body if wire == "sse" else body + b"\n"


def _one_line(data: bytes) -> bytes:
    # JSON escapes line breaks inside strings, so that a raw one is white space between tokens.
    if b"\n" in data or b"\r" in data:
        return data.replace(b"\r", b" ").replace(b"\n", b" ")
    return data
