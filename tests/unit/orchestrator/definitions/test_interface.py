"""A definition declares the types of its start, its end and its events; what is wrong there is named."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.definitions.compiler import compile_stored
from orchestrator.definitions.interface import MOST_EVENTS, EventType, Interface
from orchestrator.errors import DefinitionInvalid
from orchestrator.store.layout import static_layout
from tests.dags import compiled, node, workflow

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
WHOLE: dict[str, Any] = {
    "start": {"type": "object", "title": "StartEvent"},
    "stop": {"name": "OutEvent", "schema": NUMBER, "types": ["StopEvent"], "qualified_name": "app.OutEvent"},
    "events": {
        "Step": {"schema": NUMBER, "types": ["Event", "Event"], "qualified_name": "app.events.Step"},
        "Any.thing-1": {},
    },
}


GRAPH: dict[str, Any] = {
    "name": "drawn",
    "nodes": [{"id": "a", "node_type": "step", "colour": "red"}, {"id": "b", "node_type": "event"}],
    "edges": [{"source": "a", "target": "b", "label": None}],
    "description": None,
}


def drawn(**changes: Any) -> dict[str, Any]:
    """An interface with a graph that differs in something."""
    return {"graph": {**GRAPH, **changes}}


def interface(written: Any) -> Interface | None:
    return compiled(workflow(node("A"), interface=written)).interface


def specs(written: Any, **extras: Any) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The static layout by field, and the specs of its nodes by id."""
    definition = compiled(workflow(node("A"), interface=written, **extras))
    fields: list[Any] = [field for part in static_layout(definition) for field in part]
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    return found, {
        name.removeprefix("spec|"): orjson.loads(text)
        for name, text in found.items()
        if name.startswith("spec|")
    }


def test_it_is_read_with_its_defaults() -> None:
    assert interface(None) is None
    assert interface({}) == Interface()
    assert interface(WHOLE) == Interface(
        start=EventType("StartEvent", WHOLE["start"]),
        stop=EventType("OutEvent", NUMBER, ("StopEvent",), "app.OutEvent"),
        events={
            "Step": EventType("Step", NUMBER, ("Event",), "app.events.Step"),
            "Any.thing-1": EventType("Any.thing-1"),
        },
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, EventType("StopEvent")),
        ({"name": "Done"}, EventType("Done")),
        ({"schema": NUMBER}, EventType("StopEvent", NUMBER)),
        (NUMBER, EventType("StopEvent", NUMBER)),
    ],
)
def test_an_end_is_a_type_or_its_schema_alone(written: Any, expected: EventType) -> None:
    found = interface({"stop": written})

    assert found is not None
    assert found.stop == expected


@pytest.mark.parametrize(
    ("written", "path", "code", "says"),
    [
        ([], "interface", "wrong_type", "'interface' must be an object, got a list"),
        ({"end": {}}, "interface.end", "unknown_field", "allowed: start, stop, events, inbox, graph"),
        ({"start": 7}, "interface.start", "wrong_type", "'interface.start' must be an object, got 7"),
        ({"stop": {"name": "a b"}}, "interface.stop.name", "bad_id", "must be made of letters"),
        ({"stop": {"name": "X", "schem": {}}}, "interface.stop.schem", "unknown_field", "'schem'"),
        ({"stop": {"type": "objekt"}}, "interface.stop.type", "bad_schema", "objekt"),
        ({"stop": {"schema": []}}, "interface.stop.schema", "bad_schema", "must be an object, got a list"),
        ({"events": []}, "interface.events", "wrong_type", "must be an object, got a list"),
        (
            {"events": {"X": {"type": "object"}}},
            "interface.events.X.type",
            "unknown_field",
            "allowed: schema, types",
        ),
        ({"events": {"X": 1}}, "interface.events.X", "wrong_type", "must be an object, got 1"),
        ({"events": {"X Y": {}}}, "interface.events.X Y", "bad_id", "'X Y' in 'interface.events'"),
        (
            {"events": {"X": {"schema": {"type": 3}}}},
            "interface.events.X.schema.type",
            "bad_schema",
            "'interface.events.X.schema.type' must be one of",
        ),
        (
            {"events": {"X": {"schema": {"$ref": "http://x"}}}},
            "interface.events.X.schema.$ref",
            "bad_schema",
            "points outside the schema",
        ),
        ({"events": {"X": {"types": "Y"}}}, "interface.events.X.types", "wrong_type", "a list of names"),
        ({"events": {"X": {"types": ["a b"]}}}, "interface.events.X.types", "wrong_type", "a list of names"),
        ({"events": {"X": {"types": ["a"] * 17}}}, "interface.events.X.types", "too_many", "at most 16"),
        (
            {"events": {"X": {"qualified_name": "a\nb"}}},
            "interface.events.X.qualified_name",
            "bad_value",
            "on one line",
        ),
        (
            {"events": {f"X{number}": {} for number in range(MOST_EVENTS + 1)}},
            "interface.events",
            "too_many",
            "has 257 types; allowed are 256",
        ),
        ({"inbox": "B"}, "interface.inbox", "unknown_node", "'B', which is not in this workflow (nodes: A)"),
        ({"inbox": ["A"]}, "interface.inbox", "wrong_type", "must be text, got a list"),
        ({"graph": []}, "interface.graph", "wrong_type", "must be an object, got a list"),
        (
            drawn(title="x"),
            "interface.graph.title",
            "unknown_field",
            "allowed: name, nodes, edges, description",
        ),
        (drawn(name=None), "interface.graph.name", "missing", "'interface.graph.name' is missing"),
        (drawn(nodes={}, edges=[]), "interface.graph.nodes", "wrong_type", "must be a list of objects"),
        (drawn(nodes=["a"], edges=[]), "interface.graph.nodes[0]", "wrong_type", "must be an object"),
        (drawn(nodes=[{}], edges=[]), "interface.graph.nodes[0].id", "wrong_type", "must be text"),
        (drawn(nodes=[{"id": ["a"]}], edges=[]), "interface.graph.nodes[0].id", "wrong_type", "must be text"),
        (
            drawn(nodes=[{"id": "a", "event_type": ["E"]}], edges=[]),
            "interface.graph.nodes[0].event_type",
            "wrong_type",
            "must be text",
        ),
        (drawn(edges=[{"source": "a"}]), "interface.graph.edges[0].target", "wrong_type", "must be text"),
        (
            drawn(edges=[{"source": "a", "target": "c"}]),
            "interface.graph.edges[0].target",
            "unknown_node",
            "must be the id of a node of this graph, got 'c'",
        ),
        (drawn(description="x" * 2**18), "interface.graph", "too_large", "allowed are 262,144"),
    ],
)
def test_what_is_wrong_in_it_is_named(written: Any, path: str, code: str, says: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        interface(written)

    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == (path, code)
    assert says in problem.message


def test_events_of_clients_are_for_the_inbox_of_a_node_and_the_graph_is_kept_as_it_is() -> None:
    found = interface({"inbox": "A", **drawn()})

    assert found is not None
    assert found.inbox == "A"
    assert found.graph == GRAPH
    assert found.steps == ["a"]
    stored = compile_stored(workflow(node("A"), interface={"inbox": "A", **drawn()}), lambda handler: None)
    assert stored.interface == found


def test_an_inbox_is_no_mapped_node() -> None:
    mapped = node("A", map={"items": [1, 2]})

    with pytest.raises(DefinitionInvalid) as refused:
        compiled(workflow(mapped, interface={"inbox": "A"}))

    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == ("interface.inbox", "bad_value")
    assert "each of its items has an inbox of its own" in problem.message


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        interface({"start": 1, "events": {"X": {"schema": 1, "types": 2}}})

    paths = [problem.path for problem in refused.value.problems]
    assert paths == ["interface.start", "interface.events.X.schema", "interface.events.X.types"]


def test_a_definition_that_was_accepted_before_is_read_whatever_its_schemas_are_worth_now() -> None:
    document = workflow(node("A"), interface={"events": {"X": {"schema": {"type": "objekt"}}}})

    stored = compile_stored(document, lambda handler: None)

    assert stored.interface is not None
    assert stored.interface.events["X"].schema == {"type": "objekt"}


def test_workers_get_what_they_check_by_and_no_other_definition_has_a_byte_of_it() -> None:
    fields, nodes = specs(WHOLE, output="{{ A }}")
    bare, plain = specs({"start": NUMBER, "stop": {"name": "X"}, "inbox": "A", **drawn()})

    assert nodes["A"]["interface"] == nodes["$output"]["interface"]
    read = Interface.from_text(fields["interface"])
    whole = interface(WHOLE)
    assert whole is not None
    assert (read.start, read.stop, read.events) == (None, whole.stop, whole.events)
    assert "interface" not in bare
    assert "interface" not in plain["A"]


def test_what_names_it_goes_by_its_content() -> None:
    (_, one), (_, same), (_, other) = specs(WHOLE), specs(WHOLE), specs({"events": {"X": {}}})

    assert one["A"]["interface"] == same["A"]["interface"] != other["A"]["interface"]
