"""A config as its handler would get it, as far as that can be said now."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers
from orchestrator.execution.rendered_config import (
    MaskedSecrets,
    RenderedConfig,
    render_config,
    render_configs,
)
from orchestrator.templates.resolver import NodeResult, Scope
from tests.makers import node, workflow

HANDLERS = PlainHandlers(frozenset({"noop", "http", "condition", "sub_workflow"}), lambda name: None)
SCOPE = Scope(
    nodes={"A": NodeResult("COMPLETED", {"id": 7}), "B": NodeResult("SKIPPED", None, "condition_false")},
    inputs={"name": "x"},
    secrets=MaskedSecrets(),
)


def rendered(handler: str, config: dict[str, Any]) -> RenderedConfig:
    nodes = [node("A"), node("B"), node("C", after=["A", "B"], handler=handler, config=config)]
    made = compile_definition(workflow(*nodes), handlers=HANDLERS)
    return render_config(made.by_id["C"], SCOPE)


def test_what_can_be_resolved_is() -> None:
    found = rendered("noop", {"id": "{{ A.id }}", "text": ["for {{ inputs.name }}"], "plain": 1})

    assert found == RenderedConfig({"id": 7, "text": ["for x"], "plain": 1}, ())


def test_what_cannot_be_stands_as_written_beside_its_problem() -> None:
    found = rendered("noop", {"a": {"b": ["{{ A.id }}", "{{ A.name }}"]}, "c": "{{ B.x }}"})

    assert found.config == {"a": {"b": [7, "{{ A.name }}"]}, "c": "{{ B.x }}"}
    assert [problem.path for problem in found.problems] == ["config.a.b[1]", "config.c"]
    assert "name" in found.problems[0].message
    assert "SKIPPED (condition_false)" in found.problems[1].message


def test_keys_that_become_equal_are_a_problem_of_their_object() -> None:
    found = rendered("noop", {"a": {"x": 1, "{{ inputs.name }}": 2}})

    assert [problem.path for problem in found.problems] == ["config.a.{{ inputs.name }}"]


def test_the_expression_of_a_condition_is_evaluated() -> None:
    assert rendered("condition", {"expression": "A.id > 5"}).config == {"expression": True}


def test_the_definition_of_a_child_keeps_its_own_templates() -> None:
    child = {"name": "child", "nodes": [node("N", config={"n": "{{ inputs.n }}"})]}

    found = rendered("sub_workflow", {"workflow": child, "inputs": {"n": "{{ A.id }}"}})

    assert found == RenderedConfig({"workflow": child, "inputs": {"n": 7}}, ())


def test_secrets_are_masked_whatever_their_names() -> None:
    secrets = MaskedSecrets()

    assert (secrets.get("ANY"), len(secrets), list(secrets)) == ("***", 0, [])


def test_several_configs_share_one_budget() -> None:
    nodes = [
        node("A"),
        node("B"),
        *(node(f"C{n}", after=["A"], config={"n": "{{ A.id }}"}) for n in range(2)),
    ]
    made = compile_definition(workflow(*nodes), handlers=HANDLERS)

    found = render_configs([made.by_id["C0"], made.by_id["C1"]], SCOPE)

    assert {name: each.config for name, each in found.items()} == {"C0": {"n": 7}, "C1": {"n": 7}}
