"""The shapes that are run, as native workflow documents; nodes are no-ops unless a shape says otherwise."""

from __future__ import annotations

from typing import Any

HANDLER = "bench_noop"
FIBONACCI = "bench_fibonacci"
LAYER_WIDTH = 10

Document = dict[str, Any]


def chain(length: int) -> Document:
    """n0 -> n1 -> … one after the other."""
    return _document(f"chain-{length}", [(f"n{i}", [f"n{i - 1}"] if i else []) for i in range(length)])


def fan(width: int) -> Document:
    """A -> width parallel nodes -> Z."""
    middle = [f"n{i}" for i in range(width)]
    return _document(f"fan-{width}", [("A", []), *((node_id, ["A"]) for node_id in middle), ("Z", middle)])


def diamond() -> Document:
    """A -> {B, C} -> D."""
    return _document("diamond", [("A", []), ("B", ["A"]), ("C", ["A"]), ("D", ["B", "C"])])


def layered(size: int) -> Document:
    """Layers of ten; each node waits for two of the layer before, so that edges grow no faster than nodes."""
    nodes: list[tuple[str, list[str]]] = []
    for i in range(size):
        layer, column = divmod(i, LAYER_WIDTH)
        above = (layer - 1) * LAYER_WIDTH
        parents = [f"n{above + column}", f"n{above + (column + 1) % LAYER_WIDTH}"] if layer else []
        nodes.append((f"n{i}", parents))
    return _document(f"layered-{size}", nodes)


def parked(seconds: int) -> Document:
    """A node that waits for long, and one behind it: an execution that is active and does nothing."""
    document = _document("parked", [("hold", []), ("after", ["hold"])])
    document["dag"]["nodes"][0].update(handler="delay", config={"seconds": seconds})
    return document


def fibonacci(length: int, n: int) -> Document:
    """A chain whose nodes each compute the n-th Fibonacci number."""
    document = chain(length)
    document["name"] = f"fibonacci-{length}-{n}"
    for node in document["dag"]["nodes"]:
        node.update(handler=FIBONACCI, config={"n": n})
    return document


def size(document: Document) -> int:
    return len(document["dag"]["nodes"])


def _document(name: str, nodes: list[tuple[str, list[str]]]) -> Document:
    return {
        "name": name,
        "dag": {
            "nodes": [
                {"id": node_id, "handler": HANDLER, "dependencies": parents, "config": {}}
                for node_id, parents in nodes
            ]
        },
    }
