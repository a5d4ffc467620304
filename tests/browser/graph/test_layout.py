"""Boxes stand left to right without touching, and edges lead from box to box, whatever the graph."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.graph.graphs import Node, chain, fan_out, layered, node, trip
from tests.browser.modules import Module

WIDTH, HEIGHT = 168, 44

GRAPHS: dict[str, list[Node]] = {
    "one": [node("only")],
    "trip": trip(),
    "chain": chain(30),
    "fan-out": fan_out(500),
    "layers": layered(8, 12),
    "loose": [node(f"alone_{i}") for i in range(100)],
    "parts": [node(f"p{i}", *([f"p{i - 1}"] if i % 4 else [])) for i in range(200)],
    "first feeds all": [
        node("a"),
        *(node(f"b{i}", *(["a", f"b{i - 1}"] if i else ["a"])) for i in range(300)),
    ],
    "two fan-outs": [
        *fan_out(120),
        *(node(f"again_{i}", "end", "begin") for i in range(120)),
        node("z", "again_0"),
    ],
}


@pytest.fixture
def layout(pure: Callable[[str], Module]) -> Callable[[list[Node]], dict[str, Any]]:
    made = pure("graph/layout.js")

    def lay_out(nodes: list[Node]) -> dict[str, Any]:
        found: dict[str, Any] = made.run(
            """({ layoutGraph }, nodes) => {
                const made = layoutGraph(nodes);
                return { ...made, boxes: Object.fromEntries(made.boxes) };
            }""",
            nodes,
        )
        return found

    return lay_out


@pytest.mark.parametrize("name", GRAPHS)
def test_no_box_touches_another(layout: Callable[[list[Node]], dict[str, Any]], name: str) -> None:
    boxes = list(layout(GRAPHS[name])["boxes"].values())

    assert len(boxes) == len(GRAPHS[name])
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            is_apart = abs(one["x"] - other["x"]) > WIDTH or abs(one["y"] - other["y"]) > HEIGHT
            assert is_apart, (one, other)


@pytest.mark.parametrize("name", GRAPHS)
def test_edges_lead_from_the_right_of_a_box_to_the_left_of_a_later_one(
    layout: Callable[[list[Node]], dict[str, Any]], name: str
) -> None:
    made = layout(GRAPHS[name])

    assert len(made["edges"]) == sum(len(each["dependencies"]) for each in GRAPHS[name])
    for edge in made["edges"]:
        start, end = made["boxes"][edge["from"]], made["boxes"][edge["to"]]
        assert start["layer"] < end["layer"]
        assert edge["points"][:2] == [start["x"] + WIDTH, start["y"] + HEIGHT / 2]
        assert edge["points"][-2:] == [end["x"], end["y"] + HEIGHT / 2]


@pytest.mark.parametrize("name", ["trip", "fan-out", "layers", "two fan-outs"])
def test_edges_pass_beside_the_boxes_of_others(
    layout: Callable[[list[Node]], dict[str, Any]], name: str
) -> None:
    made = layout(GRAPHS[name])
    boxes = made["boxes"].values()

    for edge in made["edges"]:
        points = list(zip(edge["points"][::2], edge["points"][1::2], strict=True))
        for (left, top), (right, bottom) in pairwise(points):
            if top != bottom:
                continue
            through = [
                box
                for box in boxes
                if box["y"] < top < box["y"] + HEIGHT and box["x"] < right and left < box["x"] + WIDTH
            ]
            assert not through, (edge, through)


def test_equal_graphs_give_equal_pictures(layout: Callable[[list[Node]], dict[str, Any]]) -> None:
    assert layout(GRAPHS["layers"]) == layout(GRAPHS["layers"])


@pytest.mark.parametrize("name", ["fan-out", "loose", "parts"])
def test_many_nodes_side_by_side_are_no_tower(
    layout: Callable[[list[Node]], dict[str, Any]], name: str
) -> None:
    made = layout(GRAPHS[name])

    assert made["height"] < 2 * made["width"]


def test_a_diamond_is_symmetric(layout: Callable[[list[Node]], dict[str, Any]]) -> None:
    boxes = layout([node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c")])["boxes"]

    assert boxes["a"]["y"] == boxes["d"]["y"] == (boxes["b"]["y"] + boxes["c"]["y"]) / 2
    assert [boxes[each]["layer"] for each in "abcd"] == [0, 1, 1, 2]


def test_a_faulty_draft_gets_a_picture(layout: Callable[[list[Node]], dict[str, Any]]) -> None:
    made = layout([node("a", "b", "nowhere"), node("b", "a"), node("c", "c")])

    assert set(made["boxes"]) == {"a", "b", "c"}
    assert {(edge["from"], edge["to"]) for edge in made["edges"]} == {("a", "b"), ("b", "a")}


def test_no_nodes_take_no_room(layout: Callable[[list[Node]], dict[str, Any]]) -> None:
    assert layout([]) == {"boxes": {}, "edges": [], "width": 0, "height": 0}
