"""What came of a handler, as a frame."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import Completed, Terminal
from headrace._host_result import completed, failed
from headrace.durable import TypedEvent


def test_events_of_an_end_go_with_it() -> None:
    header, body = completed(Completed(1, events=[("Made", {"n": 2}, ("Base",))]))

    assert header["events"] == [["Made", {"n": 2}, ["Base"], False, False, None]]
    assert body == b"1"


def test_a_worker_that_knows_of_none_gets_them_before() -> None:
    found: list[tuple[Any, ...]] = []

    header, _ = completed(Completed(1, events=[("Made", 2)]), lambda *event: found.append(event))

    assert header == {"kind": "completed", "not_taken": []}
    assert found == [("Made", 2, [], False, False, None)]


def test_one_that_cannot_be_written_fails_the_attempt() -> None:
    def refuse(*event: Any) -> None:
        raise Terminal("no such event", type="EventInvalid")

    header, _ = completed(Completed(1, events=[("Made", 2)]), refuse)

    assert (header["kind"], header["error_type"]) == ("failed", "EventInvalid")


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ("Made", "events of a Completed are a list or a tuple, got text"),
        ({"Made": 1}, "events of a Completed are a list or a tuple, got an object"),
        ([["Made", 1]], "events[0] of a Completed is a TypedEvent, or a tuple of its fields, got a list"),
        (
            [("Made", 1), ("Made",)],
            f"events[1] of a Completed has 1 fields; 2 to 6 are allowed: {', '.join(TypedEvent._fields)}",
        ),
        (
            [("Made", {1})],
            (
                "an event of the end is not JSON: events[0].value is of the type set, which is not JSON: "
                "write sorted(value) or list(value)"
            ),
        ),
    ],
)
def test_what_is_no_event_is_said_with_its_place(events: Any, message: str) -> None:
    header, _ = completed(Completed(1, events=events))

    assert (header["error_type"], header["message"], header["retryable"]) == ("EventInvalid", message, False)


def test_details_that_are_no_json_say_where() -> None:
    header, _ = failed(Terminal("no", details={"tags": {1}}))

    assert header["details"]["unreadable"].startswith("details.tags is of the type set, which is not JSON")


def test_a_value_whose_own_code_fails_ends_its_attempt_and_not_the_process() -> None:
    class Odd(dict[str, Any]):
        def items(self) -> Any:
            raise KeyError("odd")

    header, _ = completed(Odd(a=1))

    assert header["message"] == "the handler's output cannot be kept: KeyError: 'odd'"
    assert not header["retryable"]
