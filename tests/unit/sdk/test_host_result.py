"""What came of a handler, as a frame."""

from __future__ import annotations

from typing import Any

from headrace import Completed, Terminal
from headrace._host_result import completed


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
    assert completed(Completed(1, events="Made"))[0]["kind"] == "failed"  # type: ignore[arg-type]
    assert completed(Completed(1, events=[["Made", 1]]))[0]["kind"] == "failed"  # type: ignore[list-item]
