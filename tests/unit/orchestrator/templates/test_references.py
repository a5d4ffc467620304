"""What templates refer to, found before anything runs."""

from __future__ import annotations

import pytest

from orchestrator.templates.references import compile_template, gives_text, references
from orchestrator.templates.values import EvaluationError


def test_a_plain_path_is_cut_without_the_parser() -> None:
    template = compile_template("{{ A.rows[0]['id'] }}")

    assert template.tree is None
    assert template.names == {"A"}


@pytest.mark.parametrize(
    ("source", "is_text"),
    [("{{ A.x }}", False), ("{{ A.x }}\n", False), ("a {{ A.x }}", True), ("{% if A %}b{% endif %}", True)],
)
def test_one_expression_keeps_its_type_and_anything_more_gives_text(source: str, is_text: bool) -> None:
    assert gives_text(source) is is_text


def test_a_secret_is_allowed_only_where_the_handler_says() -> None:
    config = {"token": "{{ secrets.KEY }}", "url": "{{ secrets.KEY }}"}

    _, problems = references(config, ids=(), secrets=("token",))

    assert [(problem.path, problem.code) for problem in problems] == [("config.url", "secret_not_allowed")]


def test_an_unknown_name_is_a_problem_with_the_nearest_node() -> None:
    _, (problem,) = references({"x": "{{ fetsh.rows }}"}, ids=("fetch",))

    assert (problem.code, problem.hint) == ("unknown_reference", "did you mean 'fetch'?")


def test_names_of_an_item_are_no_references() -> None:
    found, problems = references({"x": "{{ item.a }}{{ A.b }}"}, ids=("A",), local=("item", "index"))

    assert (dict(found.nodes), problems) == ({"A": "config.x"}, [])


def test_a_template_longer_than_allowed_is_refused() -> None:
    with pytest.raises(EvaluationError, match="longer than the allowed"):
        compile_template("{{ A.x }}" + "y" * 300_000)
