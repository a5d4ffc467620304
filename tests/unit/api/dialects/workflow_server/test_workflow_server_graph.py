"""Definitions as graphs of steps and events, and the types they declare."""

from __future__ import annotations

from typing import Any

from api.dialects.workflow_server.event_types import EventTypes, schema_of
from api.dialects.workflow_server.graph import graph_of
from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition, PlainHandlers
from orchestrator.definitions.interface import EventType
from tests.makers import node, workflow


def definition(*nodes: dict[str, Any], **extra: Any) -> Definition:
    handlers = PlainHandlers(frozenset({"noop", "emit", "wait_for_signal"}))
    return compile_definition(workflow(*nodes, **extra), handlers=handlers)


def edges(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["source"], each["target"]) for each in found["edges"]}


def test_a_definition_without_an_interface_has_the_types_every_client_has() -> None:
    types = EventTypes.of(definition(node("A"), inputs={"type": "object", "properties": {"n": {}}}))

    assert (types.start.name, types.stop.name, dict(types.others), types.is_closed) == (
        "StartEvent",
        "StopEvent",
        {},
        False,
    )
    assert schema_of(types.start) == {"properties": {"n": {}}, "title": "StartEvent", "type": "object"}
    assert types.stops_plainly


def test_declared_types_keep_their_order_and_get_the_parents_they_leave_out() -> None:
    made = definition(
        node("A"),
        interface={
            "start": {"name": "Order", "schema": {"type": "object"}},
            "stop": {"name": "Done"},
            "events": {"B": {}, "A": {}},
        },
    )
    types = EventTypes.of(made)

    assert list(types.known) == ["B", "A", "Order", "Done"]
    assert (types.start.types, types.stop.types) == (("StartEvent",), ("StopEvent",))
    assert types.starting == ("Order", "StartEvent")
    assert not types.stops_plainly and types.is_closed


def test_steps_are_joined_by_the_events_they_give_and_take() -> None:
    made = definition(
        node("ask", handler="emit", config={"type": "Ask", "value": {}}),
        node("wait", handler="wait_for_signal", after=["ask"], config={"name": "Answer"}),
        node("alone", handler="wait_for_signal", config={"name": "Other"}),
        node("end", after=["wait", "alone"]),
        interface={"events": {"Ask": {"types": ["InputRequiredEvent"]}, "Answer": {}}},
    )

    found = graph_of(made)

    assert edges(found) == {
        ("StartEvent", "ask"), ("ask", "Ask"), ("Ask", "external_step"), ("external_step", "Answer"),
        ("Answer", "wait"), ("ask", "wait"), ("StartEvent", "alone"), ("external_step", "Other"),
        ("Other", "alone"), ("wait", "end"), ("alone", "end"), ("end", "StopEvent"),
    }  # fmt: skip
    ids = [each["id"] for each in found["nodes"]]
    assert ids == [
        "ask",
        "wait",
        "alone",
        "end",
        "Ask",
        "Answer",
        "StartEvent",
        "StopEvent",
        "Other",
        "external_step",
    ]
    assert {each["id"]: each["produced_by"] for each in found["nodes"] if each["node_type"] == "event"} == {
        "Ask": ["ask"], "Answer": [], "StartEvent": [], "StopEvent": ["end"], "Other": [],
    }  # fmt: skip


def test_names_that_are_made_in_the_run_are_no_events_of_the_graph() -> None:
    made = definition(
        node("A", handler="emit", config={"type": "{{ inputs.type }}", "value": {}}),
        node("B", handler="wait_for_signal", after=["A"], config={"name": "go"}),
    )

    ids = {each["id"] for each in graph_of(made)["nodes"]}

    assert ids == {"A", "B", "go", "StartEvent", "StopEvent", "external_step"}


def test_every_end_of_an_edge_is_a_node_and_no_id_is_there_twice() -> None:
    made = definition(node("StartEvent"), node("B", after=["StartEvent"]))
    found = graph_of(made)
    ids = [each["id"] for each in found["nodes"]]

    assert len(ids) == len(set(ids))
    assert {end for edge in edges(found) for end in edge} <= set(ids)


def test_a_schema_has_what_classes_have() -> None:
    assert schema_of(EventType("E")) == {"properties": {}, "title": "E", "type": "object"}
    assert schema_of(EventType("E", {"title": "Own", "required": ["a"]})) == {
        "properties": {},
        "title": "Own",
        "type": "object",
        "required": ["a"],
    }
