"""Events that the interface does not declare, and the schema of an output that there is not."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers
from orchestrator.errors import Problem
from orchestrator.lint.lint import lint
from tests.dags import node, workflow

HANDLERS = PlainHandlers(frozenset({"noop", "emit"}))


def warnings(*nodes: dict[str, Any], **extras: Any) -> list[Problem]:
    return lint(compile_definition(workflow(*nodes, **extras), handlers=HANDLERS))


def emit(type: str) -> dict[str, Any]:
    return node("E", handler="emit") | {"config": {"type": type, "value": {}}}


def test_an_event_that_is_not_among_the_declared_ones_is_named() -> None:
    (warning,) = warnings(node("A"), emit("StepDon"), interface={"events": {"StepDone": {}, "Other": {}}})

    assert (warning.path, warning.code) == ("dag.nodes[1].config.type", "undeclared_event")
    assert "'E' emits 'StepDon'" in warning.message
    assert warning.hint == "did you mean 'StepDone'?"


def test_what_is_declared_or_known_in_the_run_only_is_no_matter() -> None:
    declared: dict[str, Any] = {"events": {"StepDone": {}}}

    assert warnings(emit("StepDone"), interface=declared) == []
    assert warnings(emit("{{ inputs.type }}"), interface=declared) == []
    assert warnings(emit("Whatever"), interface={"stop": {"name": "Done"}}) == []
    assert warnings(emit("Whatever")) == []


def test_a_schema_of_the_end_needs_an_output() -> None:
    interface = {"stop": {"type": "object"}}

    (warning,) = warnings(node("A"), interface=interface)

    assert (warning.path, warning.code) == ("interface.stop", "stop_never_checked")
    assert warnings(node("A"), interface=interface, output={"a": 1}) == []
