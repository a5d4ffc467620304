"""A definition as the graph that clients of workflow servers draw: steps, and the events between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from api.dialects.workflow_server.event_types import (
    INPUT_REQUIRED,
    EventTypes,
    given_by,
    schema_of,
    taken_by,
)
from orchestrator.definitions.branches import WAIT_FOR_SIGNAL
from orchestrator.definitions.definition import Definition
from orchestrator.definitions.interface import EventType

#: Stands for those who send events.
EXTERNAL = "external_step"


def graph_of(definition: Definition) -> dict[str, Any]:
    """Draw a definition, as it says itself or by its nodes.

    Steps that follow one another without an event are joined directly.
    """
    types = EventTypes.of(definition)
    if definition.interface is not None and definition.interface.graph is not None:
        return _completed(definition.interface.graph, types)
    edges = list(dict.fromkeys(_edges(definition, types)))
    ends = {end for edge in edges for end in edge}
    makers: dict[str, list[str]] = {}
    for source, target in edges:
        makers.setdefault(target, []).append(source)
    nodes: list[dict[str, Any]] = [
        {"id": node.id, "label": node.id, "node_type": "step", "description": None}
        for node in definition.nodes
    ]
    steps = definition.by_id.keys()
    nodes += [
        _event_node(each, [maker for maker in makers.get(name, ()) if maker in steps])
        for name, each in _events(types, ends, steps).items()
    ]
    if EXTERNAL in ends:
        nodes.append({"id": EXTERNAL, "label": EXTERNAL, "node_type": "external"})
    return {
        "name": definition.name,
        "nodes": nodes,
        "edges": [{"source": source, "target": target, "label": None} for source, target in edges],
        "description": definition.description or None,
    }


def _completed(graph: Mapping[str, Any], types: EventTypes) -> dict[str, Any]:
    """Give a graph with what clients read: of an event what its type says, None where nothing is."""
    nodes = []
    for node in graph["nodes"]:
        known = types.known.get(node.get("event_type", ""))
        of_type = (
            {"event_types": [known.name, *known.types], "event_schema": schema_of(known)} if known else {}
        )
        lacking = {"description": None} if node.get("node_type") == "step" else {}
        nodes.append({**lacking, **of_type, **node})
    edges = [{"label": None, **edge} for edge in graph["edges"]]
    return {"description": None, **graph, "nodes": nodes, "edges": edges}


def _edges(definition: Definition, types: EventTypes) -> Iterator[tuple[str, str]]:
    for node in definition.nodes:
        if (taken := taken_by(node, types.start.name)) is not None:
            yield taken, node.id
            if node.handler == WAIT_FOR_SIGNAL:
                yield EXTERNAL, taken
                if not node.dependencies:
                    yield types.start.name, node.id
        for dependency in node.dependencies:
            yield dependency, node.id
        if (given := given_by(node, definition, types.stop.name)) is not None:
            yield node.id, given
            if INPUT_REQUIRED in types.known.get(given, EventType(given)).types:
                yield given, EXTERNAL
        if not definition.successors.get(node.id):
            yield node.id, types.stop.name


def _events(types: EventTypes, ends: set[str], steps: Any) -> dict[str, EventType]:
    """Give the events to draw: those that are declared, and those that steps give and take besides."""
    undeclared = sorted(ends - types.known.keys() - {EXTERNAL})
    found = types.known | {name: EventType(name) for name in undeclared}
    return {name: each for name, each in found.items() if name not in steps}


def _event_node(found: EventType, produced_by: list[str]) -> dict[str, Any]:
    return {
        "id": found.name,
        "label": found.name,
        "node_type": "event",
        "event_type": found.name,
        "event_types": [found.name, *found.types],
        "event_schema": schema_of(found),
        "produced_by": produced_by,
    }
