"""The shapes that are run, as native workflow documents; nodes are no-ops unless a shape says otherwise."""

from __future__ import annotations

from random import Random
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


def woven(size: int, *, edges: int, width: int, delay_every: int) -> Document:
    """Layers; each node waits for one of the layer before, some also for one further up, until there are
    about so many edges. One node in `delay_every` is a delay of one second, the others do nothing."""
    random = Random(7)
    more = (edges - (size - width)) / (size - width)
    nodes: list[tuple[str, list[str]]] = []
    for i in range(size):
        layer = i // width
        parents: list[str] = []
        if layer:
            parents.append(f"n{(layer - 1) * width + random.randrange(width)}")
            if random.random() < more:
                parents.append(
                    f"n{random.randrange(max(0, layer - 4), layer) * width + random.randrange(width)}"
                )
        nodes.append((f"n{i}", list(dict.fromkeys(parents))))
    document = _document(f"woven-{size}", nodes)
    for i, node in enumerate(document["dag"]["nodes"]):
        is_delay = i % delay_every == delay_every - 1
        node.update({"handler": "delay", "config": {"seconds": 1}} if is_delay else {"handler": "noop"})
    return document


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
