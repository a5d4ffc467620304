"""What goes wrong is told in the words of JSON, never in those of Python."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.json_schema import check_inputs, schema_problem
from orchestrator.documents.json_types import is_true
from orchestrator.errors import InputsInvalid, TemplateError
from orchestrator.templates.resolver import Scope, resolve


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ inputs.text > 1 }}", "text and a number cannot be compared by '>'"),
        ("{{ 1 <= inputs.none }}", "a number and null cannot be compared by '<='"),
        ("{{ 1 in 2 }}", "a number and a number cannot be compared by 'in'"),
        ("{{ 1 not in inputs.text }}", "a number and text cannot be compared by 'not in'"),
        ("{{ inputs.mixed | sort }}", "sort takes items of one kind, all numbers or all text"),
        ("{{ inputs.mixed | max }}", "max takes items of one kind"),
        ("{{ inputs.mixed | min }}", "min takes items of one kind"),
        ("{{ inputs.text is gt(1) }}", "text and a number cannot be compared by '>'"),
        ("{{ inputs.mixed | select('lt', 2) | list }}", "text and a number cannot be compared by '<'"),
        ("{{ inputs.text | upper(1, 2) }}", "upper cannot be applied to text with these arguments"),
        ("{{ inputs.text['a':] }}", "the bounds of a slice must be whole numbers"),
    ],
)
def test_a_template_that_cannot_be_evaluated(template: str, said: str) -> None:
    scope = Scope(inputs={"text": "a", "none": None, "mixed": [1, "a"]})

    with pytest.raises(TemplateError) as refused:
        resolve({"x": template}, scope, node_id="A")

    assert said in str(refused.value)
    assert "instances of" not in str(refused.value)


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "number"}, "x", "'inputs.amount' must be a number, found 'x'"),
        ({"type": ["integer", "null"]}, True, "'inputs.amount' must be a whole number or null, found true"),
        ({"type": "object"}, None, "'inputs.amount' must be an object, found null"),
        ({"enum": ["a", None, True]}, "b", """'inputs.amount' must be one of "a", null, true, found 'b'"""),
        ({"const": 5}, 6, "'inputs.amount' must be 5, found 6"),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            5,
            "'inputs.amount' fits none of the 2 forms of anyOf, found 5",
        ),
        ({"minimum": 3}, 2, "'inputs.amount': 2 is less than the minimum of 3"),
    ],
)
def test_an_input_that_does_not_fit_is_named(schema: dict[str, Any], value: Any, said: str) -> None:
    with pytest.raises(InputsInvalid) as refused:
        check_inputs({"type": "object", "properties": {"amount": schema}}, {"amount": value})

    assert [problem.message for problem in refused.value.problems] == [said]
    assert refused.value.problems[0].path == "inputs.amount"


def test_a_schema_of_the_wrong_kind_is_told() -> None:
    assert schema_problem([]) == "the inputs schema must be an object, got a list"
    assert "'inputs.properties.a.type' must be one of array" in str(
        schema_problem({"properties": {"a": {"type": "int"}}})
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [(True, "got true or false"), (None, "got null"), ([], "got a list"), ({}, "got an object")],
)
def test_what_is_no_duration_is_named_as_in_json(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"expected a duration, {said}; allowed: seconds, or '250ms'.*'2d'"):
        parse_duration_ms(value)


@pytest.mark.parametrize("value", ["", "  ", "false", "False", "0", " None", "null\n", 0, -0.0, None, [], {}])
def test_what_means_no(value: Any) -> None:
    assert not is_true(value)


@pytest.mark.parametrize("value", ["true", "no", "x", "0.0", 1, -1, 0.5, True, [0], {"a": 0}, " " * 9 + "x"])
def test_what_means_yes(value: Any) -> None:
    assert is_true(value)
