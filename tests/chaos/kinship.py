"""Promises about children: one for each unit that asked for it, its end its parent's, none left running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.history import EndReply
from tests.chaos.script import outcome_of
from tests.interpreter import nodes_of
from tests.interpreting_families import children_of

OVER = ("COMPLETED", "FAILED", "CANCELLED")


def of_children(ended: EndReply, known: Mapping[str, EndReply], ends: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with the children of one execution.

    known  all executions, by id; ends, how each unit of this one ended.
    """
    counts = Counter(unit for _, unit in ended.children)
    yield from (f"{unit} has {count} children" for unit, count in counts.items() if count > 1)
    asked = {
        unit: is_awaited
        for node in nodes_of(dict(ended.document))
        for unit, _, is_awaited in children_of(node["id"], outcome_of(node))
    }
    yield from (f"{unit} has a child it never asked for" for unit in counts if unit not in asked)
    for unit in asked:
        has_run = ends.get(unit) in ("COMPLETED", "FAILED")
        if has_run and unit not in counts:
            yield f"{unit} ended {ends[unit]} without a child"
        if unit in counts and not has_run:
            yield f"{unit} ended {ends.get(unit)}, yet it has a child"
    for child_id, unit in ended.children:
        child = known.get(child_id)
        if child is None:
            yield f"{child_id}, the child of {unit}, is gone"
        elif unit in asked:
            yield from _of_child(ended, unit, child, ends.get(unit), is_awaited=asked[unit])


def _of_child(
    ended: EndReply, unit: str, child: EndReply, end: str | None, *, is_awaited: bool
) -> Iterator[str]:
    if child.parent != (ended.execution_id, unit):
        yield f"{unit} has the child {child.execution_id}, which names {child.parent} as its parent"
    if child.status not in OVER:
        yield f"{child.execution_id}, the child of {unit}, is still {child.status}"
    elif is_awaited and child.status != end:
        yield f"{unit} ended {end}, its child {child.status}"
    if is_awaited and (child.ended_ms or 0) > (ended.ended_ms or 0):
        yield f"{child.execution_id}, the child of {unit}, ended after its parent"
    output = output_of(ended, unit)
    if end == "COMPLETED" and ended.nodes.get(unit.partition("[")[0]) == "COMPLETED":
        wanted = (
            put_out_by(child)
            if is_awaited
            else {"execution_id": child.execution_id, "name": child.document["name"]}
        )
        if output != wanted:
            yield f"{unit} put out {output}, its child {wanted}"


def output_of(ended: EndReply, unit: str) -> Any:
    """Give the output of a node, or of an item from that of its node."""
    node_id, _, rest = unit.partition("[")
    output = ended.outputs.get(node_id)
    if not rest:
        return output
    index = int(rest.removesuffix("]"))
    row = output[index] if isinstance(output, list) and index < len(output) else None
    return row.get("output") if isinstance(row, dict) and "index" in row else row


def put_out_by(child: EndReply) -> Any:
    """Give what a child comes to as a whole."""
    if "output" in child.document:
        return child.final
    return {node_id: output for node_id, output in child.outputs.items() if output is not None}


def of_output(ended: EndReply) -> Iterator[str]:
    """The `output` of a definition, {name: "{{ NODE.field }}"}, is made of the outputs of its nodes."""
    if "output" not in ended.document or ended.status != "COMPLETED":
        return
    wanted = {}
    for name, text in ended.document["output"].items():
        node_id, _, field = text.removeprefix("{{ ").removesuffix(" }}").partition(".")
        wanted[name] = (ended.outputs.get(node_id) or {}).get(field)
    if ended.final != wanted:
        yield f"put out {ended.final}, not {wanted}"
