"""What clients of workflow servers send, read in every form and refused with a reason."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from api.dialects.workflow_server.event_types import EventTypes
from api.dialects.workflow_server.lowering import (
    CONTINUED,
    Refused,
    RunEvent,
    handler_id_in,
    key_of,
    read_body,
    read_event,
    read_run_event,
    read_start,
    sequence_in,
)
from orchestrator.definitions.interface import EventType

UUID = "9b2d7d3c-0c0e-4f3e-8b1a-5f6f4d3c2b1a"
TYPES = EventTypes(EventType("OrderEvent"), EventType("StopEvent"), {"Paid": EventType("Paid")}, True)
OPEN = EventTypes(EventType("StartEvent"), EventType("StopEvent"), {}, False)
WANTS_VALUE = "Event value is required: beside 'type' stands 'value', an object of its fields; "


@pytest.mark.parametrize(
    ("sent", "type", "fields"),
    [
        (None, None, {}),
        ("", None, {}),
        (" ", None, {}),
        ({}, None, {}),
        ({"a": 1}, None, {"a": 1}),
        ({"_data": {"a": 1}}, None, {"a": 1}),
        ({"a": 0, "b": 2, "_data": {"a": 1}}, None, {"a": 1, "b": 2}),
        ({"_data": 7}, None, {"_data": 7}),
        ({"type": "Paid", "value": {"a": 1}}, "Paid", {"a": 1}),
        ({"type": "Paid", "data": {"a": 1}}, "Paid", {"a": 1}),
        (
            {"type": "Paid", "value": {"_data": {"a": 1}}, "qualified_name": None, "types": None},
            "Paid",
            {"a": 1},
        ),
        ({"type": "Paid", "value": {}, "qualified_name": "other.Thing"}, "Paid", {}),
        ({"value": {}, "qualified_name": "my.server.Paid"}, "Paid", {}),
        ({"__is_pydantic": True, "value": {"a": 1}, "qualified_name": "__main__.Paid"}, "Paid", {"a": 1}),
        ({"__is_pydantic": True, "value": None, "qualified_name": "Paid"}, "Paid", {}),
        (json.dumps({"a": 1}), None, {"a": 1}),
        (json.dumps(json.dumps({"type": "Paid", "value": {"a": 1}})), "Paid", {"a": 1}),
        # Fields of an event that are called like those of an envelope.
        ({"type": "parcel", "value": 7}, None, {"type": "parcel", "value": 7}),
        ({"type": "parcel", "value": {}, "weight": 7}, None, {"type": "parcel", "value": {}, "weight": 7}),
        ({"value": {"a": 1}}, None, {"value": {"a": 1}}),
    ],
)
def test_an_event_is_read_in_every_form(sent: Any, type: str | None, fields: dict[str, Any]) -> None:
    found = read_event(sent, "event")

    assert (found.type, found.fields) == (type, fields)


@pytest.mark.parametrize(
    "sent",
    [7, [], True, "[1]", "7", "{", '"' * 3, {"__is_pydantic": True, "value": 7}, {"type": 7, "value": {}}],
)
def test_what_is_no_event_is_refused(sent: Any) -> None:
    with pytest.raises(Refused, match="'event'"):
        read_event(sent, "event")


def test_a_start_merges_its_event_over_its_arguments() -> None:
    sent = {
        "kwargs": {"a": 1, "b": 1},
        "start_event": {"b": 2},
        "context": {},
        "more": 1,
    }

    assert read_start(sent, TYPES) == {"a": 1, "b": 2}


@pytest.mark.parametrize("name", ["OrderEvent", "StartEvent", "my.OrderEvent"])
def test_a_start_may_have_the_name_of_its_type_or_of_the_parent(name: str) -> None:
    assert read_start({"start_event": {"type": name, "value": {"a": 1}}}, TYPES) == {"a": 1}


def test_a_start_of_another_type_and_one_with_a_context_are_refused() -> None:
    with pytest.raises(Refused, match=r"^Invalid event type: Paid. Expected one of OrderEvent, StartEvent$"):
        read_start({"start_event": {"type": "Paid", "value": {}}}, TYPES)
    with pytest.raises(Refused, match=r"^Context API is disabled\."):
        read_start({"context": {"a": 1}}, TYPES)


def test_a_signal_has_the_name_of_its_event() -> None:
    event = {"type": "Paid", "value": {"sum": 1}}

    assert read_run_event({"event": event}, TYPES, ["A"]) == RunEvent("Paid", {"sum": 1}, None)
    assert read_run_event({"event": event, "step": "A"}, TYPES, ["A"]) == RunEvent("Paid", {"sum": 1}, "A")
    assert read_run_event({"event": {"type": "any-name", "value": {}}}, OPEN, []).name == "any-name"


@pytest.mark.parametrize(
    ("sent", "types", "message"),
    [
        ({}, TYPES, "Event data is required"),
        ({"event": {"type": "Nope", "value": {}}}, TYPES, "Invalid event type: Nope. Expected one of Paid"),
        (
            {"event": {"type": "a b", "value": {}}},
            OPEN,
            "Invalid event type: a b. Expected one of StartEvent",
        ),
        ({"event": {"a": 1}}, OPEN, "Event type is required"),
        ({"event": {"type": "Paid"}}, TYPES, WANTS_VALUE + "found nothing"),
        ({"event": {"type": "Paid", "sum": 3}}, TYPES, WANTS_VALUE + "found 'sum'"),
        (
            {"event": {"type": "Paid", "value": {}}, "step": "B"},
            TYPES,
            "Step 'B' does not exist. Expected one of A",
        ),
    ],
)
def test_a_signal_that_cannot_be_is_refused(sent: dict[str, Any], types: EventTypes, message: str) -> None:
    with pytest.raises(Refused) as caught:
        read_run_event(sent, types, ["A"])

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("sent", [None, ""])
def test_no_id_is_chosen_by_leaving_it_empty(sent: Any) -> None:
    assert handler_id_in(sent) is None


@pytest.mark.parametrize("sent", [7, [], "a\nb", "x" * 257, "\ud800"])
def test_an_id_that_cannot_be_a_key_is_refused(sent: Any) -> None:
    with pytest.raises(Refused, match="'handler_id' must be a text"):
        handler_id_in(sent)


def test_an_id_is_its_own_key_unless_it_is_shaped_like_that_of_an_execution() -> None:
    assert key_of("mine") == "mine"
    assert key_of(UUID) == CONTINUED + UUID
    assert handler_id_in(UUID) == UUID


@pytest.mark.parametrize(
    ("after", "last", "found"),
    [
        (None, None, 0), ("", None, 0), ("-1", None, 0), ("0", None, 0), ("7", None, 7), ("now", None, None),
        ("7", "9", 9), ("now", "9", 9), (None, "9", 9), ("7", "x", 7), ("7", "", 7), ("-7", None, 0),
    ],
)  # fmt: skip
def test_a_place_is_a_number_or_now_and_the_last_id_wins(
    after: str | None, last: str | None, found: int | None
) -> None:
    assert sequence_in(after, last) == found


@pytest.mark.parametrize("after", ["abc", "1.5", "--1", "²", "9" * 19])
def test_a_place_that_is_none_is_refused_in_the_words_of_the_contract(after: str) -> None:
    with pytest.raises(Refused) as caught:
        sequence_in(after, None)

    assert str(caught.value) == f"Invalid after_sequence: {after!r}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Invalid JSON body: Expecting value: line 1 column 1 (char 0)"),
        (
            b"{",
            "Invalid JSON body: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (b"7", "Invalid JSON body: must be an object; found a number"),
    ],
)
def test_a_body_that_is_no_object_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(Refused) as caught:
        read_body(body, max_depth=64)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "body", [b'{"a": 1, "a": 2}', b'{"a": NaN}', b"[" * 100, b"\xff", b'{"a":"\\ud800"}']
)
def test_a_body_that_readers_disagree_on_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match=r"^Invalid JSON body: "):
        read_body(body, max_depth=64)


def test_an_id_of_a_handler_can_stand_in_a_path() -> None:
    with pytest.raises(Refused, match="must be without '/'"):
        handler_id_in("orders/17")


@pytest.mark.parametrize("sent", [".", ".."])
def test_an_id_that_paths_leave_out_is_refused(sent: str) -> None:
    with pytest.raises(Refused, match=rf"neither '\.' nor '\.\.', .*; found '{re.escape(sent)}'$"):
        handler_id_in(sent)
    assert handler_id_in("..." + sent) == "..." + sent
