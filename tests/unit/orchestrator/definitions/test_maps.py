"""What a definition may say of a map, what is refused of it, and what is warned of."""

from __future__ import annotations

from typing import Any

import pytest

import workers.handlers  # noqa: F401  registers what may be mapped
from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition
from orchestrator.definitions.maps import tolerated
from orchestrator.errors import DefinitionInvalid, Problem
from orchestrator.lint.lint import lint
from orchestrator.lint.template_reads import uses_of
from orchestrator.units import index_of, node_of, unit_of
from tests.dags import condition, node, workflow
from workers.handlers import Catalogue


def build(*nodes: dict[str, Any], **extras: Any) -> Definition:
    return compile_definition(workflow(*nodes, **extras), handlers=Catalogue(frozenset()))


def problems(*nodes: dict[str, Any]) -> list[Problem]:
    with pytest.raises(DefinitionInvalid) as caught:
        build(*nodes)
    return caught.value.problems


def warnings(*nodes: dict[str, Any], **extras: Any) -> list[tuple[str, str]]:
    return [(warning.code, warning.path) for warning in lint(build(*nodes, **extras))]


def mapped(items: Any = (1,), **fields: Any) -> dict[str, Any]:
    raw = list(items) if isinstance(items, tuple) else items
    return node("A", map={"items": raw, **fields})


@pytest.mark.parametrize(
    ("item_map", "where", "found", "allowed"),
    [
        (5, "map", "got 5", "must be an object"),
        ({}, "map.items", "is missing", ""),
        ({"items": 5}, "map.items", "got 5", "a list or a template that gives one"),
        ({"items": "rows"}, "map.items", "got 'rows'", "a list or a template that gives one"),
        ({"items": [1, 2, 3], "max_items": 2}, "map.items", "has 3 items", "allowed are 2 (max_items)"),
        ({"items": [1], "item_name": "2x"}, "map.item_name", "got '2x'", "means nothing else in a template"),
        ({"items": [1], "item_name": "A"}, "map.item_name", "got 'A'", "means nothing else in a template"),
        ({"items": [1], "item_name": "now"}, "map.item_name", "got 'now'", "means nothing else"),
        ({"items": [1], "max_concurrency": -1}, "map.max_concurrency", "got -1", "from 0 to 10,000"),
        ({"items": [1], "max_concurrency": True}, "map.max_concurrency", "got true", "a whole number"),
        (
            {"items": [1], "tolerated_failure_count": 0.5},
            "map.tolerated_failure_count",
            "0.5",
            "a whole number",
        ),
        (
            {"items": [1], "tolerated_failure_percentage": 101},
            "map.tolerated_failure_percentage",
            "got 101",
            "a number from 0 to 100",
        ),
        ({"items": [1], "on_item_failure": "halt"}, "map.on_item_failure", "got 'halt'", "continue, stop"),
        ({"items": [1], "max_items": 20_000}, "map.max_items", "got 20000", "from 0 to 10,000"),
        ({"items": [1], "concurrency": 1}, "map.concurrency", "'concurrency'", "allowed: items, item_name"),
        ({"items": "{{ Z.rows }}"}, "map.items", "'Z'", "nor one of inputs, trigger"),
        ({"items": "{{ secrets.KEY }}"}, "map.items", "secrets.KEY", "secrets are not allowed here"),
        ({"items": "{{ A.rows "}, "map.items", "'{{ A.rows '", "is not a valid template"),
    ],
)
def test_what_is_wrong_with_a_map_is_said_with_its_place(
    item_map: Any, where: str, found: str, allowed: str
) -> None:
    (problem,) = problems(node("A", map=item_map))

    assert problem.path == f"dag.nodes[0].{where}"
    assert found in problem.message
    assert allowed in problem.message


def test_a_mistyped_field_of_a_map_gets_a_hint() -> None:
    (problem,) = problems(mapped(max_concurency=3))

    assert problem.hint == "did you mean 'max_concurrency'?"


def test_a_name_that_a_map_gives_its_items_is_among_those_allowed_and_guessed() -> None:
    given = node("A", map={"items": [1], "item_name": "customer"})

    (typo,) = problems(given | {"config": {"x": "{{ costumer.id }}"}})
    (early,) = problems(given | {"when": "customer.id"})

    assert "nor one of inputs, trigger, execution, steps, customer, index" in typo.message
    assert typo.hint == "did you mean 'customer'?"
    assert early.hint is not None
    assert early.hint.startswith("customer and index are known in the config of this node alone")


@pytest.mark.parametrize(
    ("raw", "path", "hint"),
    [
        (node("A") | {"config": {"x": "{{ item }}"}}, "config.x", "in the config of a node with map"),
        (node("A") | {"config": {"x": "{{ index }}"}}, "config.x", "in the config of a node with map"),
        (node("A", when="{{ item > 1 }}", map={"items": [1]}), "when", "in the config of this node alone"),
        (node("A", map={"items": "{{ item }}"}), "map.items", "in the config of this node alone"),
        (
            node("A", map={"items": [1], "item_name": "row"}) | {"config": {"x": "{{ item }}"}},
            "config.x",
            "this map calls them row and index",
        ),
    ],
)
def test_an_item_is_known_to_the_config_of_its_map_alone(raw: dict[str, Any], path: str, hint: str) -> None:
    (problem,) = problems(raw)

    assert problem.path == f"dag.nodes[0].{path}"
    assert "has no meaning here" in problem.message
    assert hint in (problem.hint or "")


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (condition("A", true=["B"]), "a condition chooses once"),
        (condition("A"), "a condition chooses once"),
        (
            node("A", handler="switch") | {"config": {"value": "1", "cases": {"1": ["B"]}}},
            "a switch chooses once",
        ),
        (
            node("A", handler="wait_for_signal")
            | {
                "config": {
                    "name": "go",
                    "timeout": "5s",
                    "on_timeout": "branch",
                    "timeout_branch": ["B"],
                }
            },
            "a wait_for_signal with timeout_branch chooses once",
        ),
    ],
)
def test_what_chooses_among_successors_cannot_be_mapped(raw: dict[str, Any], what: str) -> None:
    found = problems(raw | {"map": {"items": [1]}}, node("B", after=["A"]))

    assert [(problem.path, what in problem.message) for problem in found] == [("dag.nodes[0].map", True)]


@pytest.mark.parametrize(
    ("count", "percentage", "total", "allowed"),
    [(0, 0, 10, 0), (2, 0, 10, 2), (0, 25, 10, 2), (3, 25, 10, 3), (1, 100, 4, 4), (0, 33.4, 3, 1)],
)
def test_the_larger_tolerance_counts(count: int, percentage: float, total: int, allowed: int) -> None:
    spec = {"tolerated_count": count, "tolerated_percentage": percentage}

    assert tolerated(spec, total) == allowed


def test_units_are_named_after_node_and_index() -> None:
    assert unit_of("fetch", 3) == "fetch[3]"
    assert (node_of("fetch[3]"), index_of("fetch[3]")) == ("fetch", 3)
    assert (node_of("fetch"), index_of("fetch")) == ("fetch", None)


def test_the_list_of_a_map_is_a_use_of_what_it_is_read_from() -> None:
    definition = build(
        node("A"),
        node("B", after=["A"], map={"items": "{{ A.rows }}", "item_name": "row"})
        | {"config": {"x": "{{ row.id }} {{ index }} {{ inputs.y }}"}},
    )

    uses = [(use.root, use.key, use.path) for use in uses_of(definition.node("B"))]

    assert uses == [("A", "rows", "map.items"), ("inputs", "y", "config.x")]


def test_a_list_that_may_be_missing_is_warned_of() -> None:
    rows = node("rows", when="{{ inputs.wanted }}")
    other = node("other")
    each = node("each", after=["rows", "other"], map={"items": "{{ rows.list }}"})

    assert warnings(rows, other, each) == [("reference_may_be_missing", "dag.nodes[2].map.items")]
    each["map"] = {"items": "{{ rows.list | default([]) }}"}
    assert warnings(rows, other, each) == []


def test_items_of_a_map_that_are_all_skipped_do_not_skip_it() -> None:
    """So whoever runs only after a skip never runs, where the node itself cannot be skipped."""
    each = node("each", map={"items": [1, 2]})
    after = node("after", after=["each"], trigger_rule="all_skipped")

    assert ("never_runs", "dag.nodes[1]") in warnings(each, after)


def test_a_mapped_delay_is_not_taken_for_one_of_known_length() -> None:
    pause = node("pause", handler="delay", map={"items": "{{ inputs.rows }}"}) | {"config": {"seconds": 60}}

    assert warnings(pause, execution_timeout="30s") == []


def test_an_input_that_only_a_map_reads_is_used() -> None:
    schema = {"type": "object", "properties": {"rows": {"type": "array"}}}

    assert warnings(node("each", map={"items": "{{ inputs.rows }}"}), inputs=schema) == []
