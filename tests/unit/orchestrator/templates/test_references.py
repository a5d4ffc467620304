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


def test_secrets_are_listed_where_they_may_stand_and_the_nodes_always() -> None:
    config = {"token": "{{ sekret.x }}", "url": "{{ sekret.x }}"}

    _, problems = references(config, ids=("fetch",), secrets=("token",))

    known = {problem.path: problem.message.partition("nor one of ")[2] for problem in problems}
    assert known == {
        "config.token": "inputs, trigger, execution, steps, secrets (in '{{ sekret.x }}'; nodes: fetch)",
        "config.url": "inputs, trigger, execution, steps (in '{{ sekret.x }}'; nodes: fetch)",
    }


def test_a_step_that_is_not_there_is_compared_with_nodes_alone() -> None:
    _, (problem,) = references({"x": "{{ steps['fetsh'].output }}"}, ids=("fetch",))

    assert "refers to 'fetsh', which is not a node of this workflow (in " in problem.message
    assert problem.hint == "did you mean 'fetch'?"


@pytest.mark.parametrize(
    ("secrets", "root", "allowed"),
    [
        ((), "output", "allowed: the config fields that a handler declares for them, such as config.headers"),
        (("headers",), "map", "allowed: config.headers)"),
        (None, "map", "allowed: any field of config)"),
    ],
)  # fmt: skip
def test_a_secret_that_is_refused_comes_with_where_it_may_stand(
    secrets: tuple[str, ...] | None, root: str, allowed: str
) -> None:
    _, (problem,) = references({"items": "{{ secrets.KEY }}"}, ids=(), secrets=secrets, root=root)

    assert (problem.path, problem.code) == (f"{root}.items", "secret_not_allowed")
    assert allowed in problem.message


def test_names_of_an_item_are_no_references() -> None:
    found, problems = references({"x": "{{ item.a }}{{ A.b }}"}, ids=("A",), local=("item", "index"))

    assert (dict(found.nodes), problems) == ({"A": "config.x"}, [])


def test_a_template_longer_than_allowed_is_refused() -> None:
    with pytest.raises(EvaluationError, match="longer than the allowed"):
        compile_template("{{ A.x }}" + "y" * 300_000)


def test_references_in_keys_are_known_and_checked_like_those_in_values() -> None:
    config = {"headers": {"{{ secrets.KEY }}": "x"}, "body": [{"{{ A.b }}": 1, "{{ secrets.KEY }}": 2}]}

    found, problems = references(config, ids=("A",), secrets=("headers",))

    assert (dict(found.nodes), found.templated) == ({"A": "config.body[0].{{ A.b }}"}, True)
    assert [(problem.path, problem.code) for problem in problems] == [
        ("config.body[0].{{ secrets.KEY }}", "secret_not_allowed")
    ]


@pytest.mark.parametrize(
    ("key", "code"), [("{{ fetsh.rows }}", "unknown_reference"), ("{{ A.b", "bad_template")]
)
def test_what_is_wrong_with_a_key_is_a_problem(key: str, code: str) -> None:
    _, (problem,) = references({"body": {key: 1}}, ids=("A",))

    assert (problem.path, problem.code) == (f"config.body.{key}", code)
