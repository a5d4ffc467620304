"""Warnings about what the output of a workflow reads."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.lint.lint import lint
from tests.dags import condition, node, workflow
from workers.handlers import Catalogue

MISSING = [("output.b", "reference_may_be_missing")]


@pytest.mark.parametrize(
    ("nodes", "template", "expected"),
    [
        ([node("A"), node("B", after=["A"])], "{{ B.n }}", []),
        ([node("A"), node("B", when="{{ inputs.b }}")], "{{ B.n }}", MISSING),
        ([node("A"), node("B", when="{{ inputs.b }}")], "{{ B.n | default(0) }}", []),
        ([node("A"), node("B", when="{{ inputs.b }}")], '{{ steps["B"].status }}', []),
        (
            [condition("A", true=["B"], false=["C"], expression="inputs.b"), node("B", after=["A"]),
             node("C", after=["A"])],
            "{{ B.n }}",
            MISSING,
        ),
        ([node("A"), node("B", critical=False)], "{{ B.n }}", []),
        ([node("B", when="false")], "{{ B.n }}", [("output.b", "reference_never_there")]),
    ],
)  # fmt: skip
def test_what_the_output_may_lack_is_told(
    nodes: list[dict[str, Any]], template: str, expected: list[tuple[str, str]]
) -> None:
    document = workflow(*nodes, output={"b": template}, inputs={"type": "object"})

    warnings = lint(compile_definition(document, handlers=Catalogue()))

    found = [(each.path, each.code) for each in warnings if each.path.startswith("output")]
    assert found == expected
    assert not any("$output" in each.message for each in warnings)
