"""Executions and events in the words of workflow servers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest

from api.dialects.workflow_server.event_types import EventTypes
from api.dialects.workflow_server.lowering import CONTINUED
from api.dialects.workflow_server.rendering import (
    EventWords,
    failed_envelope,
    given_envelope,
    handler_fields,
    handler_id_of,
    plain_result,
    step_envelope,
    stop_envelope,
    word_of,
)
from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition, PlainHandlers
from orchestrator.definitions.interface import EventType
from orchestrator.execution.model import Execution
from orchestrator.operations.results import ExecutionFailure
from orchestrator.states import ExecutionStatus
from tests.makers import node, workflow

UUID = "9b2d7d3c-0c0e-4f3e-8b1a-5f6f4d3c2b1a"
EXECUTION = Execution(
    "01900000-0000-7000-8000-000000000000", "Orders", "v", ExecutionStatus.RUNNING, 1,
    created_ms=1_000, started_ms=2_000, updated_ms=3_500,
)  # fmt: skip
PLAIN = EventTypes(EventType("StartEvent"), EventType("StopEvent"), {}, True)
DECLARED = replace(PLAIN, stop=EventType("StopEvent", {"type": "object"}))
NAMED = replace(PLAIN, stop=EventType("Out", None, ("StopEvent",), "m.Out"))


def definition(*nodes: dict[str, Any], **extra: Any) -> Definition:
    handlers = PlainHandlers(frozenset({"noop", "emit", "wait_for_signal"}))
    return compile_definition(workflow(*nodes, **extra), handlers=handlers)


def written(value: Any) -> Any:
    return json.loads(orjson.dumps(value))


@pytest.mark.parametrize(
    ("status", "word"),
    [("PENDING", "running"), ("RUNNING", "running"), ("PAUSED", "running"), ("COMPLETED", "completed"),
     ("FAILED", "failed"), ("CANCELLED", "cancelled")],
)  # fmt: skip
def test_every_status_has_a_word(status: str, word: str) -> None:
    assert word_of(ExecutionStatus(status)) == word


@pytest.mark.parametrize(
    ("key", "handler_id"),
    [
        (None, EXECUTION.execution_id),
        ("mine", "mine"),
        (CONTINUED + UUID, UUID),
        (CONTINUED + "x", CONTINUED + "x"),
    ],
)
def test_a_handler_has_the_id_it_was_started_under(key: str | None, handler_id: str) -> None:
    assert handler_id_of(replace(EXECUTION, execution_key=key)) == handler_id


def test_times_have_microseconds_and_never_run_backwards() -> None:
    running = handler_fields(EXECUTION, handler_id="h", workflow_name="w")
    ended = replace(EXECUTION, status=ExecutionStatus.COMPLETED, ended_ms=3_000)
    unstarted = replace(EXECUTION, started_ms=None, updated_ms=0, status=ExecutionStatus.PENDING)

    assert (running["started_at"], running["updated_at"], running["completed_at"]) == (
        "1970-01-01T00:00:02.000000+00:00",
        "1970-01-01T00:00:03.500000+00:00",
        None,
    )
    found = handler_fields(ended, handler_id="h", workflow_name="w")
    assert found["updated_at"] == found["completed_at"] == "1970-01-01T00:00:03.000000+00:00"
    found = handler_fields(unstarted, handler_id="h", workflow_name="w")
    assert found["started_at"] == found["updated_at"] == "1970-01-01T00:00:01.000000+00:00"


@pytest.mark.parametrize(
    ("types", "output", "value", "plain"),
    [
        (PLAIN, b'"hi"', {"result": "hi"}, "hi"),
        (PLAIN, b'{"a":1}', {"result": {"a": 1}}, {"a": 1}),
        (PLAIN, None, {}, None),
        (PLAIN, b"null", {}, None),
        (DECLARED, b'{"a":1}', {"a": 1}, {"a": 1}),
        (DECLARED, b"7", {"result": 7}, 7),
        (NAMED, b' {"a":1}', {"a": 1}, {"a": 1}),
        (NAMED, b"[1]", {"result": [1]}, {"result": [1]}),
        (NAMED, None, {}, {}),
    ],
)
def test_an_output_is_the_value_of_the_last_event_or_its_result(
    types: EventTypes, output: bytes | None, value: Any, plain: Any
) -> None:
    assert written(stop_envelope(types, output)["value"]) == value
    assert written(plain_result(types, output)) == plain


def test_the_last_event_has_its_class() -> None:
    assert written(stop_envelope(NAMED, b"{}")) == {
        "value": {}, "qualified_name": "m.Out", "type": "Out", "types": ["StopEvent"],
    }  # fmt: skip
    assert written(stop_envelope(PLAIN, None)) == {
        "value": {}, "qualified_name": "workflows.events.StopEvent", "type": "StopEvent", "types": None,
    }  # fmt: skip


def test_a_failure_and_a_time_that_is_over_are_different_events() -> None:
    ended = replace(EXECUTION, status=ExecutionStatus.FAILED, ended_ms=4_500)

    assert failed_envelope(ended, ExecutionFailure("A", "Http.5xx", "broke", 3)) == {
        "value": {
            "step_name": "A",
            "exception": {"exception_type": "Http.5xx", "exception_message": "broke"},
            "attempts": 3,
            "elapsed_seconds": 2.5,
        },
        "qualified_name": "workflows.events.WorkflowFailedEvent",
        "type": "WorkflowFailedEvent",
        "types": ["StopEvent"],
    }
    assert failed_envelope(ended, ExecutionFailure(None, "Timeout.Execution", "over"))["value"] == {
        "timeout": 2.5,
        "active_steps": [],
    }
    assert (
        failed_envelope(ended, ExecutionFailure(None, "TemplateError", "x"))["value"]["step_name"] == "Orders"
    )


def test_steps_change_with_the_nodes_and_no_worker_is_named() -> None:
    made = definition(
        node("say", handler="emit", config={"type": "Said", "value": {}}),
        node("W", handler="wait_for_signal", after=["say"], config={"name": "Go"}),
        node("Z", after=["W"]),
    )
    types = EventTypes.of(made)

    def change(type: str, node_id: str, **extra: Any) -> Any:
        found = step_envelope(
            {"type": type, "node_id": node_id, "data": {"worker": "w1"}, **extra}, made, types
        )
        return None if found is None else tuple(found["value"].values())

    assert change("node.started", "say") == ("say", "running", "0", "StartEvent", None)
    assert change("node.completed", "say") == ("say", "not_running", "0", "StartEvent", "Said")
    assert change("node.retrying", "W", item=2) == ("W", "not_running", "2", "Go", "Event")
    assert change("node.failed", "Z") == ("Z", "not_running", "0", "Event", "StopEvent")
    assert change("node.queued", "Z") is None
    assert change("node.waiting", "W") is None
    assert change("node.started", "gone") is None


def line(seq: int, type_: str, **data: Any) -> dict[str, Any]:
    return {"seq": seq, "type": type_, "execution_id": "e", "data": data}


def test_only_what_clients_are_to_see_is_worded() -> None:
    made = definition(node("A"), interface={"events": {"Paid": {"qualified_name": "m.Paid"}}})
    words = EventWords(made, {9: {"type": "StopEvent", "qualified_name": "q"}}, is_sse=True)
    lines = [
        line(1, "execution.created"),
        line(2, "node.event", type="Paid", value={"n": 1}, types=None, qualified_name=None, internal=False),
        line(3, "node.event", type="Hidden", value={}, types=None, qualified_name=None, internal=True),
        line(4, "node.log", message="x"),
        {"type": "gap", "execution_id": "e", "data": {"after": 4, "next": 7}},
        line(8, "execution.failed"),
        line(9, "execution.completed"),
    ]

    assert [words.render(each) for each in lines] == [
        b"",
        b'id: 2\ndata: {"value":{"n":1},"qualified_name":"m.Paid","type":"Paid","types":null}\n\n',
        b"", b"", b"", b"",
        b'id: 9\ndata: {"type":"StopEvent","qualified_name":"q"}\n\n',
    ]  # fmt: skip


def test_lines_have_no_ids_and_names_are_left_out_on_demand() -> None:
    made = definition(node("A"))
    words = EventWords(made, {}, is_sse=False, shows_internal=True, has_qualified_names=False)
    event = line(3, "node.event", type="Hidden", value=7, types=["P"], qualified_name="m.H", internal=True)

    assert words.render(event) == (
        b'{"value":{"value":7},"qualified_name":null,"type":"Hidden","types":["P"]}\n'
    )


def test_an_event_that_is_sent_again_says_so() -> None:
    words = EventWords(definition(node("A")), {}, is_sse=False)
    event = line(3, "node.event", type="E", value={}, types=None, qualified_name=None, internal=False)

    again = words.render(event | {"data": event["data"] | {"repeated": True}})

    assert again == b'{"value":{},"qualified_name":null,"type":"E","types":null,"repeated":true}\n'
    assert b"repeated" not in words.render(event)


def test_of_code_that_speaks_for_itself_no_node_is_a_step() -> None:
    made = definition(node("A"), interface={"inbox": "A"})
    words = EventWords(made, {}, is_sse=False, shows_internal=True)

    started = {"seq": 2, "type": "node.started", "node_id": "A", "execution_id": "e", "data": {}}

    assert words.render(started) == b""


@pytest.mark.parametrize(
    "event", [None, "text", {"type": 1, "value": {}}, {"type": "E"}, {"type": "E", "value": {}, "types": "P"}]
)
def test_what_is_no_event_is_not_taken_for_the_last_one(event: Any) -> None:
    assert given_envelope(ExecutionFailure("A", "T", "m", details={"event": event})) is None


def test_no_value_breaks_a_line() -> None:
    words = EventWords(definition(node("A")), {}, is_sse=True)
    value = {"text": "a\u2028b\u2029c\x85d\r\ne\x0b\x0c\x1c"}
    event = line(3, "node.event", type="E", value=value, types=None, qualified_name=None, internal=False)

    frame = words.render(event).decode()

    assert len(frame.splitlines()) == 3
    assert json.loads(frame.splitlines()[1].removeprefix("data: "))["value"] == value
