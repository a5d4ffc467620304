"""A second reading of children and outputs: how every unit of a family ends, and what each node puts out.

Nodes are named as in a simulation, after the unit that started their execution: `S/x`, `M[0]/x`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from unittest.mock import ANY

from tests.interpreter import (
    Ends,
    Result,
    Scripted,
    handling,
    has_of,
    interpret,
    nodes_of,
    output_of_items,
    status_of,
    words_of_items,
)


@dataclass
class Family:
    """What a root and everything below it must come to.

    ends      of nodes, by name; statuses of executions, by what the names of their nodes begin with.
    finals    what the `output` of each execution that has one came to; None where it came to nothing.
    open_ended  beginnings of names that depend on the order: a child may be cancelled, or not be there.
    """

    ends: Ends = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    finals: dict[str, Any] = field(default_factory=dict)
    open_ended: list[str] = field(default_factory=list)

    def is_open_ended(self, name: str) -> bool:
        return name.startswith(tuple(self.open_ended))


def interpret_family(scripted: Scripted, prefix: str = "", into: Family | None = None) -> Family:
    """Give what an execution and its children come to."""
    family = into if into is not None else Family()
    ends, status = interpret(scripted.document, scripted.outcome)
    family.statuses[prefix] = status
    outputs = outputs_of(scripted, prefix)
    family.ends |= {prefix + node_id: end for node_id, end in ends.items()}
    family.outputs |= {prefix + node_id: output for node_id, output in outputs.items()}
    if "output" in scripted.document:
        family.finals[prefix] = final_output(scripted, prefix)
    for node in nodes_of(scripted.document):
        if ends[node["id"]][0] not in ("COMPLETED", "FAILED"):
            continue
        name, result = prefix + node["id"], scripted.outcome(node)
        if "map" in node and ends[node["id"]][0] == "FAILED" and node["map"]["on_item_failure"] == "stop":
            family.open_ended.append(f"{name}[")
        for unit, child, is_awaited in children_of(name, result):
            policy = node["config"].get("parent_close_policy")
            if not is_awaited and status == "FAILED" and policy != "abandon":
                family.open_ended.append(f"{unit}/")
            interpret_family(child, f"{unit}/", family)
    return family


def children_of(name: str, result: Result) -> list[tuple[str, Scripted, bool]]:
    """List the units of a node that have a child: (unit, child, whether it is waited for)."""
    if isinstance(result, str):
        return []
    if result[0] == "items":
        return [
            found for index, each in enumerate(result[1]) for found in children_of(f"{name}[{index}]", each)
        ]
    return [(name, result[1], result[0] == "child")] if result[0] in ("child", "detached") else []


def outputs_of(scripted: Scripted, prefix: str = "") -> dict[str, Any]:
    """Give the outputs of an execution's nodes by node id, as far as they have one."""
    ends, _ = interpret(scripted.document, scripted.outcome)
    found: dict[str, Any] = {}
    for node in nodes_of(scripted.document):
        status = ends[node["id"]][0]
        if status == "COMPLETED":
            found[node["id"]] = output_of(node, scripted.outcome(node), prefix + node["id"])
        elif status == "FAILED" and handling(node) != "nothing":
            found[node["id"]] = {"error": ANY}
    return found


def output_of(node: dict[str, Any], result: Result, name: str) -> Any:
    """Give what one unit puts out when it completes."""
    if node["handler"] in ("condition", "switch"):
        return ANY
    if isinstance(result, str) or result[0] == "tries":
        return {"of": name}
    if result[0] == "items":
        words = words_of_items(node, result[1], status_of)
        rows = [output_of(node, each, f"{name}[{index}]") for index, each in enumerate(result[1])]
        return output_of_items(node, words, rows, ANY)
    if result[0] == "detached":
        return {"execution_id": ANY, "name": result[1].document["name"]}
    if "output" in result[1].document:
        return final_output(result[1], f"{name}/")
    return outputs_of(result[1], f"{name}/")


def final_output(scripted: Scripted, prefix: str) -> Any:
    """Give what the `output` of a document comes to: {name: "{{ NODE.of }}"}, with a default or without."""
    ends, status = interpret(scripted.document, scripted.outcome)
    if status != "COMPLETED":
        return None
    nodes = {node["id"]: node for node in nodes_of(scripted.document)}
    return {
        name: prefix + name if ends[name][0] == "COMPLETED" and has_of(nodes[name], scripted.outcome) else "-"
        for name in scripted.document["output"]
    }
