"""What is told of a value that does not fit its schema."""

from typing import Any

import pytest

from orchestrator.documents.json_schema import check_inputs, schema_faults, schema_problem, value_problems
from orchestrator.errors import InputsInvalid


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"maximum": 3}, 4, "'x': 4 is greater than the maximum of 3"),
        ({"exclusiveMinimum": 3}, 3, "'x': 3 is not greater than 3"),
        ({"exclusiveMaximum": 3}, 3, "'x': 3 is not less than 3"),
        ({"multipleOf": 0.01}, 1.005, "'x': 1.005 is not a multiple of 0.01"),
        ({"required": ["a"]}, {}, "'x': 'a' is missing"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1},
         "'x': 'b' must not be here (allowed: a)"),
        ({"minLength": 2}, "a", "'x': 'a' is shorter than 2 characters"),
        ({"maxLength": 1}, "ab", "'x': 'ab' is longer than 1 character"),
        ({"pattern": r"^\d+$"}, "a", r"'x': 'a' does not match '^\d+$'"),
        ({"minItems": 2}, [1], "'x': it has 1 items, fewer than 2"),
        ({"maxProperties": 0}, {"a": 1}, "'x': it has 1 members, more than 0"),
        ({"uniqueItems": True}, [1, 1], "'x': has an item more than once"),
        ({"contains": {"const": 1}}, [2], "'x': too few items are of the form of 'contains'"),
        ({"contains": {"const": 1}, "maxContains": 1}, [1] * 2,
         "'x': too many items are of the form of 'contains'"),
        ({"oneOf": [True, True]}, 1, "'x': 1 fits more than one form of oneOf"),
        ({"oneOf": [False, False]}, 1, "'x' fits none of the 2 forms of oneOf, found 1"),
        ({"not": {}}, 1, "'x': 1 is what 'not' excludes"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1},
         "'x' has a name that is not allowed: 'ab': 'ab' is longer than 1 character"),
        ({"unevaluatedItems": False}, [1], "'x': it has more items than are allowed"),
    ],
)  # fmt: skip
def test_each_kind_of_problem_has_its_sentence(schema: dict[str, Any], value: Any, said: str) -> None:
    assert [problem.message for problem in value_problems(schema, value, "x")] == [said]


@pytest.mark.parametrize(
    ("is_closed", "hints"),
    [
        (True, ["did you mean 'customer'?", "'custmer' is there instead"]),
        (False, ["'custmer' is there instead"]),
    ],
)
def test_a_name_that_is_nearly_right_has_a_hint(is_closed: bool, hints: list[str]) -> None:
    person = {"properties": {"customer": {}}, "required": ["customer"], "additionalProperties": not is_closed}
    schema = {"$defs": {"person": person}, "properties": {"who": {"$ref": "#/$defs/person"}}}

    found = value_problems(schema, {"who": {"custmer": 1}}, "x")

    assert [problem.hint for problem in found] == hints
    assert {problem.path for problem in found} == {"x.who"}


def test_a_name_that_has_its_default_is_hinted_at_too() -> None:
    schema = {"properties": {"amount": {"default": 5}, "n": {}}, "additionalProperties": False}

    with pytest.raises(InputsInvalid) as refused:
        check_inputs(schema, {"amuont": 1})

    assert [problem.hint for problem in refused.value.problems] == ["did you mean 'amount'?"]


def test_problems_stand_in_the_order_of_their_places() -> None:
    schema = {"properties": {"b": {"items": {"type": "string"}}, "a": {"type": "string"}}}

    found = value_problems(schema, {"b": [*["x"] * 2, 1, *["x"] * 8, 2], "a": 1}, "x")

    assert [problem.path for problem in found] == ["x.a", "x.b[2]", "x.b[11]"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "#/$defs/none"}, "not a valid JSON Schema: Pointer '/$defs/none' does not exist"),
        ({"pattern": "("}, "the pattern '(' is not a regular expression, or one too large"),
        ({"pattern": "(?=a)"}, "the pattern '(?=a)' has look-ahead, which is not supported"),
        ({"minLength": -1}, "not a valid JSON Schema: 'x.minLength': -1 is less than the minimum of 0"),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_why(schema: dict[str, Any], said: str) -> None:
    assert schema_problem(schema, "x") == said


def test_every_fault_of_a_schema_is_named_once_with_its_place_and_what_was_meant() -> None:
    schema = {
        "type": "objct",
        "properties": {
            "a": "int",
            "b": {"type": "float", "minimum": "low"},
            "c": {"type": "string", "required": True},
            "type": {"type": ["string", "nul"]},
        },
    }

    assert [(fault.place, fault.hint) for fault in schema_faults(schema, "x")] == [
        (".properties.a", "write {type: integer}"),
        (".properties.b.minimum", None),
        (".properties.b.type", "did you mean 'number'?"),
        (
            ".properties.c.required",
            "'required' stands beside 'properties', and lists names: required: [name]",
        ),
        (".properties.type.type", None),
        (".type", "did you mean 'object'?"),
    ]


def test_every_reference_to_the_outside_and_every_pattern_that_is_not_supported_is_named() -> None:
    far: dict[str, Any] = {"$ref": "http://x"}
    schema = {"properties": {"a": far, "b": {"items": [far, {"pattern": "(?=a)"}]}}}

    assert [fault.place for fault in schema_faults(schema, "x")] == [
        ".properties.a.$ref",
        ".properties.b.items[0].$ref",
        ".properties.b.items[1]",
    ]


def test_of_a_large_schema_the_first_fault_is_named() -> None:
    properties = {f"p{number}": {"type": "strin"} for number in range(1_000)}

    assert len(schema_faults({"properties": properties}, "x")) == 1
