"""Expressions and statements over JSON values, every step counted."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.documents.json_types import is_true
from orchestrator.templates.budget import MAX_STEPS
from orchestrator.templates.evaluator import Interpreter, Rendering
from orchestrator.templates.parser import parse_expression, parse_template
from orchestrator.templates.resolver import Scope, evaluate, resolve
from orchestrator.templates.values import EvaluationError, Missing

DATA: dict[str, Any] = {"A": {"rows": [{"n": 1}, {"n": 2}], "name": "ann"}}


def look_up(name: str) -> Any:
    return DATA.get(name, Missing(f"no {name}"))


def value(source: str) -> Any:
    tree = parse_expression(source).tree
    assert not isinstance(tree, list)
    return Interpreter(look_up, "now").value_of(tree)


def text(source: str) -> str:
    tree = parse_template(source).tree
    assert isinstance(tree, list)
    return Rendering(look_up, "now").text_of(tree)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("A.rows | map(attribute='n') | list", [1, 2]),
        ("A.rows | selectattr('n', 'gt', 1) | list", [{"n": 2}]),
        ("A.name ~ 1 ~ true", "ann1true"),
        ("1 < 2 <= 2", True),
        ("A.none | default('x')", "x"),
        ("A.rows[1:]", [{"n": 2}]),
        ("2 // 3 + 7 % 4", 3),
    ],
)
def test_an_expression_keeps_its_type(source: str, result: Any) -> None:
    assert value(source) == result


def test_statements_put_out_text() -> None:
    assert (
        text("{% for row in A.rows if row.n > 1 %}{{ loop.index }}:{{ row.n }}{% else %}-{% endfor %}")
        == "1:2"
    )
    assert text("{% set a = 1 %}{% if a == 2 %}x{% elif a == 1 %}y{% endif %}") == "y"


def test_an_error_names_the_line_of_its_statement() -> None:
    with pytest.raises(EvaluationError, match=r"line 2"):
        text("one\n{% if A.none %}two{% endif %}")


def test_text_and_numbers_are_not_added() -> None:
    with pytest.raises(EvaluationError, match="use ~ to join text"):
        value("A.name + 1")


def test_loops_are_ended_by_their_steps() -> None:
    with pytest.raises(EvaluationError, match=f"{MAX_STEPS:,} steps"):
        text("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}")


NO: list[Any] = [None, False, 0, 0.0, -0.0, "", " ", [], {}, "false", "False", " FALSE\n", "0"]
NO += ["none", "None", "null", "NULL", "\t0 "]
YES: list[Any] = [True, 1, -1, 0.5, "0.0", "no", "off", "x", "true", "00", [0], {"a": 0}]


@pytest.mark.parametrize(("given", "is_yes"), [*((no, False) for no in NO), *((yes, True) for yes in YES)])
def test_there_is_one_truth(given: Any, is_yes: bool) -> None:
    scope = Scope(inputs={"x": given, "rows": [{"k": given}]})

    def found(expression: str) -> Any:
        return evaluate(expression, scope, node_id="B")

    assert is_true(found("inputs.x")) is is_yes
    assert is_true(found("inputs.x and true")) is is_yes
    assert is_true(found("true and inputs.x")) is is_yes
    assert is_true(found("inputs.x or false")) is is_yes
    assert found("not inputs.x") is not is_yes
    assert found("not not inputs.x") is is_yes
    assert found("1 if inputs.x else 2") == (1 if is_yes else 2)
    assert found("inputs.x or 'other'") == (given if is_yes else "other")
    assert found("inputs.x and 'other'") == ("other" if is_yes else given)
    assert found("inputs.x | default('other', true)") == (given if is_yes else "other")
    assert found("[inputs.x] | select | length") == int(is_yes)
    assert found("[inputs.x] | reject | length") == int(not is_yes)
    assert found("inputs.rows | selectattr('k') | length") == int(is_yes)
    assert found("inputs.rows | rejectattr('k') | length") == int(not is_yes)
    for statement in (
        "{% if inputs.x %}y{% else %}n{% endif %}",
        "{% if false %}{% elif inputs.x %}y{% else %}n{% endif %}",
        "{% for i in [1] if inputs.x %}y{% else %}n{% endfor %}",
    ):
        assert resolve(statement, scope, node_id="B") == ("y" if is_yes else "n")
