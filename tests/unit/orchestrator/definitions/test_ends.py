"""Beginnings and ends: what `input` and `output` read without a template."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition, PlainHandlers
from orchestrator.definitions.ends import OWN_HANDLERS, reads_outputs
from tests.makers import node, workflow
from workers.registry import specs
from workers.runtime.map_items import OWN

HANDLERS = PlainHandlers(frozenset({"noop", "input", "output"}), lambda name: None)


def compiled(*nodes: dict[str, Any]) -> Definition:
    return compile_definition(workflow(*nodes), handlers=HANDLERS)


def test_a_beginning_reads_the_inputs() -> None:
    made = compiled(node("A", handler="input"), node("B"))

    assert made.by_id["A"].uses_inputs
    assert not made.by_id["B"].uses_inputs


def test_an_end_without_a_config_reads_its_dependencies_and_no_other() -> None:
    ends = [
        node("D", handler="output", after=["B", "C"]),
        node("E", handler="output", after=["B", "C"], config={"b": "{{ B.x }}"}),
    ]
    made = compiled(node("A"), node("B", after=["A"]), node("C"), *ends)

    assert made.by_id["D"].references == {"B", "C"}
    assert made.by_id["E"].references == {"B"}


def test_what_is_mapped_reads_the_same_for_each_item() -> None:
    items: dict[str, Any] = {"map": {"items": [1, 2]}}
    made = compiled(node("A", handler="input", **items), node("B", handler="output", after=["A"], **items))

    first, last = made.by_id["A"].map, made.by_id["B"].map
    assert first is not None
    assert first.config_uses_inputs
    assert last is not None
    assert last.config_references == {"A"}


def test_only_an_end_without_a_config_gives_the_outputs_of_others() -> None:
    assert reads_outputs("output", {})
    assert not reads_outputs("output", {"a": 1})
    assert not reads_outputs("noop", {})


def test_handlers_of_the_engine_are_known_by_all_their_names() -> None:
    own = [each for each in specs() if each.function.__module__.startswith("workers.")]
    assert {name for each in own for name in (each.name, *each.aliases)} | OWN.keys() == OWN_HANDLERS
