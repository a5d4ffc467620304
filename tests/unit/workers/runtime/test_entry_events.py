"""Events of journal entries: checked, without secrets, and kept for those alone who wrote them."""

from __future__ import annotations

import json

import pytest

from headrace import Terminal
from headrace.plain_json import Json
from orchestrator.definitions.interface import EventType, Interface
from workers.runtime.entry_events import MOST_BYTES, MOST_KEPT, EntryEvents
from workers.runtime.redaction import Redactor

SAID = Json(b'[["Said",{"text":"hunter2-token"}]]')
PLAIN = Redactor([])


def texts(written: list[bytes]) -> list[str]:
    return [json.loads(each)["value"]["text"] for each in written]


def test_what_one_has_written_is_nobody_elses() -> None:
    events = EntryEvents()
    typed = Interface(events={"Said": EventType("Said", {"type": "object", "required": ["other"]})})

    assert texts(events.of(SAID, None, PLAIN)) == ["hunter2-token"]
    assert texts(events.of(SAID, None, Redactor(["hunter2-token"]))) == ["***"]
    with pytest.raises(Terminal, match="'Said' does not fit the schema"):
        events.of(SAID, typed, PLAIN)
    assert texts(events.of(SAID, None, PLAIN)) == ["hunter2-token"]


def test_what_is_said_again_is_written_once() -> None:
    events = EntryEvents()

    assert events.of(SAID, None, PLAIN) is events.of(Json(bytes(SAID.text)), None, PLAIN)


def test_little_is_kept() -> None:
    events = EntryEvents()
    for number in range(2 * MOST_KEPT):
        events.of(Json(b'[["Said",{"text":"%d"}]]' % number), None, PLAIN)
    long = Json(b'[["Said",{"text":"%b"}]]' % (b"x" * MOST_BYTES))

    assert len(events._kept) <= MOST_KEPT
    assert events.of(long, None, PLAIN) is not events.of(long, None, PLAIN)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"nonsense", "events of an entry are not JSON: "),
        (b"{}", "events of an entry are a list or a tuple, got an object"),
        (b"[1]", "events\\[0\\] of an entry is a TypedEvent, or a tuple of its fields, got"),
        (b'[["T",{},[],false,false,"q",9]]', "events\\[0\\] of an entry has 7 fields; 2 to 6 are allowed"),
    ],
)
def test_what_are_no_events_is_refused_with_what_is_allowed(text: bytes, problem: str) -> None:
    with pytest.raises(Terminal, match=problem):
        EntryEvents().of(Json(text), None, PLAIN)
