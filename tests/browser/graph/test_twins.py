"""Nodes that differ in nothing but their name are one box, which says how all of them are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.graph.graphs import Node, fan_out, node
from tests.browser.modules import Module


@pytest.fixture
def twins(pure: Callable[[str], Module]) -> Callable[..., dict[str, Any]]:
    made = pure("graph/twins.js")

    def collapse(nodes: list[Node], expanded: list[str] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = made.run(
            """({ collapseTwins }, nodes, expanded) => {
                const made = collapseTwins(nodes, new Set(expanded));
                return { nodes: made.nodes, groups: Object.fromEntries(made.groups) };
            }""",
            nodes,
            expanded or [],
        )
        return found

    return collapse


def test_eight_twins_are_one_node(twins: Callable[..., dict[str, Any]]) -> None:
    made = twins(fan_out(8))

    assert [each["id"] for each in made["nodes"]] == ["begin", "twins:load_0", "end"]
    assert made["nodes"][1]["label"] == "load_…"
    assert made["nodes"][1]["members"] == [f"load_{i}" for i in range(8)]
    assert made["nodes"][1]["dependencies"] == ["begin"]
    assert made["nodes"][2]["dependencies"] == ["twins:load_0"]


def test_seven_stay_as_they_are(twins: Callable[..., dict[str, Any]]) -> None:
    assert twins(fan_out(7)) == {"nodes": fan_out(7), "groups": {}}


def test_an_expanded_group_is_shown_node_by_node(twins: Callable[..., dict[str, Any]]) -> None:
    made = twins(fan_out(8), ["twins:load_0"])

    assert made["nodes"] == fan_out(8)
    assert list(made["groups"]) == ["twins:load_0"]


def test_a_node_with_another_handler_or_neighbour_is_no_twin(twins: Callable[..., dict[str, Any]]) -> None:
    nodes = fan_out(10)
    nodes[1]["handler"] = "llm"
    nodes.append(node("more", "load_1"))

    made = twins(nodes)

    assert {"load_0", "load_1", "twins:load_2"} <= {each["id"] for each in made["nodes"]}


def test_nodes_that_stand_alone_are_no_twins(twins: Callable[..., dict[str, Any]]) -> None:
    assert twins([node(f"alone_{i}") for i in range(20)])["groups"] == {}


def test_a_group_is_as_its_most_urgent_member(pure: Callable[[str], Module]) -> None:
    state = pure("graph/twins.js").run(
        """({ TwinCounts }) => {
            const members = ["a", "b", "c", "d"];
            const counts = new TwinCounts({ id: "twins:a", label: "a…", handler: "http", members });
            const states = ["pending", "pending", "completed", "failed"];
            for (const state of states) counts.change(undefined, state);
            counts.change("pending", "running");
            const { state, detail, progress } = counts.state();
            return { state, detail, progress };
        }"""
    )

    assert state == {
        "state": "failed",
        "detail": "2/4, 1 failed",
        "progress": {"ended": 2, "failed": 1, "total": 4},
    }
