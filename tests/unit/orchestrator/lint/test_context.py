"""Paths of warnings in the document as its author wrote it."""

from typing import Any

from orchestrator.definitions.compiler import compile_definition
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.lint.context import Linter
from orchestrator.lint.lint import lint
from tests.dags import HANDLERS, node
from tests.unit.orchestrator.lint.cases import definition


def test_paths_are_those_of_the_flat_form_too() -> None:
    document = {"name": "flat", "nodes": [node("A", when=False)]}

    assert [problem.path for problem in lint(compile_definition(document, handlers=HANDLERS))] == [
        "nodes[0].when"
    ]


def test_a_field_is_placed_where_its_author_set_it() -> None:
    fields: dict[str, Any] = {"start_to_close_timeout": "5m"}
    linter = Linter(definition(node("A", **fields), node("B"), defaults=fields), Findings(Limits()))

    first, second = linter.definition.nodes
    assert linter.where_set(first, "start_to_close_timeout") == "dag.nodes[0].start_to_close_timeout"
    assert linter.where_set(second, "start_to_close_timeout") == "defaults.start_to_close_timeout"
    assert linter.where_set(second, "retry") is None
