"""Small workflows with conditions, switches and catches, and the warnings about them."""

from typing import Any

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition
from orchestrator.errors import Problem
from orchestrator.lint.lint import lint
from tests.dags import HANDLERS, condition, node, workflow


def definition(*nodes: dict[str, Any], **extras: Any) -> Definition:
    return compile_definition(workflow(*nodes, **extras), handlers=HANDLERS)


def warnings(*nodes: dict[str, Any], **extras: Any) -> list[Problem]:
    return lint(definition(*nodes, **extras))


def codes(*nodes: dict[str, Any], **extras: Any) -> list[tuple[str, str]]:
    """The path, relative to the nodes, and the code of each warning."""
    return [(problem.path.removeprefix("dag.nodes"), problem.code) for problem in warnings(*nodes, **extras)]


def choice(**sides: list[str]) -> dict[str, Any]:
    """A condition `c` whose answer depends on the inputs."""
    return condition("c", expression="inputs.big", **sides)


BRANCHES = (choice(true=["A"], false=["B"]), node("A", after=["c"]), node("B", after=["c"]))


def reading(node_id: str, text: str, **fields: Any) -> dict[str, Any]:
    return node(node_id, **fields) | {"config": {"text": text}}


def delay(node_id: str, seconds: Any, **fields: Any) -> dict[str, Any]:
    return node(node_id, handler="delay", **fields) | {"config": {"seconds": seconds}}


def switch(value: str = "{{ inputs.kind }}", **answers: Any) -> dict[str, Any]:
    return node("s", handler="switch") | {"config": {"value": value, **answers}}


def catching(*rules: tuple[str, str], **fields: Any) -> dict[str, Any]:
    return node("A", catch=[{"errors": [error], "goto": goto} for error, goto in rules], **fields)


CASES: dict[str, Any] = {"cases": {"small": "X", "big": "Y"}}
TWO = node("X", after=["s"]), node("Y", after=["s"])
