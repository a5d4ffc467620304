"""What a worker runs: a node (`fetch`) or one item of a mapped node (`fetch[3]`). Node ids contain no `[`."""

from __future__ import annotations


def unit_of(node_id: str, index: int) -> str:
    """Name an item as a unit."""
    return f"{node_id}[{index}]"


def node_of(unit: str) -> str:
    """Name the node of a unit."""
    return unit.partition("[")[0]


def index_of(unit: str) -> int | None:
    """Give the index of an item; None for a node."""
    _, bracket, rest = unit.partition("[")
    return int(rest[:-1]) if bracket else None
