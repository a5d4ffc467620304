"""Items of mapped nodes: what two looks at them must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.definitions.definition import Definition, Node
from orchestrator.units import index_of, node_of, unit_of

if TYPE_CHECKING:
    from tests.property.model.snapshots import ExecutionSnapshot

#: PENDING: held by a pause; one that has not begun has no status.
LIVE = ("PENDING", "QUEUED", "RUNNING", "WAITING")
#: Ends of an item that no retry takes back.
KEPT = ("COMPLETED", "SKIPPED")


def statuses_of_items(items: dict[str, dict[str, str]]) -> dict[str, str]:
    """Give the statuses of the items that have one, by unit, in order."""
    return {
        unit_of(node_id, index): held[f"s{index}"]
        for node_id, held in items.items()
        for index in range(int(held.get("total", 0)))
        if f"s{index}" in held
    }


def items_of(now: ExecutionSnapshot, node_id: str) -> dict[str, str]:
    """Statuses of one node's items."""
    return {unit: word for unit, word in now.units.items() if "[" in unit and node_of(unit) == node_id}


def of_items(
    before: ExecutionSnapshot | None, now: ExecutionSnapshot, definition: Definition, *, is_faulty: bool
) -> list[str]:
    """Items live only while their node waits for them, are counted, and end once in each life."""
    broken: list[str] = []
    for node in definition.nodes:
        if node.map and node.id in now.items:
            broken += _of_node(now, node, is_faulty=is_faulty)
            if before is not None and node.id in before.items:
                broken += _since(before, now, node)
    return broken


def _of_node(now: ExecutionSnapshot, node: Node, *, is_faulty: bool) -> list[str]:
    broken = []
    held, units = now.items[node.id], items_of(now, node.id)
    word, begun = now.nodes[node.id], int(held.get("next", 0))
    live = [unit for unit, status in units.items() if status in LIVE]
    on = now.of("waiting_on", node.id)
    if live and (word, on) != ("WAITING", "map"):
        broken.append(f"{live} are live, while {node.id} is {word} on {on!r}")
    if node.map and len(live) > node.map.live:
        broken.append(f"{live} are live, allowed are {node.map.live}")
    if early := [unit for unit in live if (index_of(unit) or 0) >= begun]:
        broken.append(f"{early} are live, though {node.id} began only {begun}")
    for unit, status in units.items():
        has_output = f"o{index_of(unit)}" in held
        if has_output != (status == "COMPLETED"):
            broken.append(f"{unit} is {status}, output: {has_output}")
    if (word, on) == ("WAITING", "map") and not is_faulty:
        ended = list(units.values())
        again = [status for unit, status in units.items() if (index_of(unit) or 0) < begun]
        counted = [int(held.get(name, 0)) for name in ("live", "COMPLETED", "SKIPPED", "FAILED")]
        found = [len(live), ended.count("COMPLETED"), ended.count("SKIPPED"), again.count("FAILED")]
        if counted != found:
            broken.append(f"{node.id} counts {counted} of its items, found are {found}")
    is_by_hand = now.of("by_hand", node.id) != ""
    if (
        word == "COMPLETED"
        and not is_by_hand
        and int(held["tolerated"]) < list(units.values()).count("FAILED")
    ):
        broken.append(f"{node.id} is COMPLETED with {units}, tolerated are {held['tolerated']}")
    return broken


def _since(before: ExecutionSnapshot, now: ExecutionSnapshot, node: Node) -> list[str]:
    broken = []
    held = before.items[node.id]
    is_same_life = before.nodes[node.id] == "WAITING" and before.of("waiting_on", node.id) == "map"
    for unit, word in items_of(before, node.id).items():
        index, after = index_of(unit) or 0, now.units.get(unit)
        is_over = is_same_life and index < int(held.get("next", 0)) and word not in LIVE
        if after != word and (word in KEPT or is_over):
            broken.append(f"{unit} was {word} and is {after}")
        if f"o{index}" in held and now.items[node.id].get(f"o{index}") != held[f"o{index}"]:
            broken.append(f"the output of {unit} changed")
        if int(now.of("attempt", unit) or 0) < int(before.of("attempt", unit) or 0):
            broken.append(f"the attempt number of {unit} fell")
    return broken
