from typing import Any

import pytest

from orchestrator.documents.json_schema import check_inputs, schema_problem
from orchestrator.errors import InputsInvalid
from tests.growth import growth

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "minimum": 0},
        "note": {"type": "string", "default": "none"},
        "address": {"type": "object", "properties": {"country": {"default": "FR"}}},
    },
    "required": ["amount"],
    "additionalProperties": False,
}


def test_defaults_are_filled_in_at_every_level() -> None:
    given = {"amount": 3, "address": {}}

    assert check_inputs(SCHEMA, given) == {"amount": 3, "note": "none", "address": {"country": "FR"}}
    assert given == {"amount": 3, "address": {}}


def test_every_problem_is_told_with_its_path() -> None:
    with pytest.raises(InputsInvalid) as caught:
        check_inputs(SCHEMA, {"amount": -1, "note": 7, "more": 1})

    assert {problem.path for problem in caught.value.problems} == {"inputs.amount", "inputs.note", "inputs"}


def test_without_a_schema_any_object_passes() -> None:
    assert check_inputs(None, None) == {}
    assert check_inputs(None, {"a": 1}) == {"a": 1}
    with pytest.raises(InputsInvalid):
        check_inputs(None, [1])


@pytest.mark.parametrize(
    "schema",
    [
        [],
        "x",
        {"type": "strin"},
        {"properties": []},
        {"$ref": "http://169.254.169.254/x"},
        {"$ref": "file:///etc/passwd"},
        {"$dynamicRef": "http://169.254.169.254/x"},
        {"properties": {"a": {"pattern": "(?=x)y"}}},
        {"properties": {"a": {"pattern": r"(a)\1"}}},
        {"properties": {"a": {"pattern": "("}}},
        {"patternProperties": {"(?<!x)y": {}}},
        {"properties": {"a": {"pattern": r"\p{L}{1000}"}}},
        {"properties": {f"p{i}": {"type": "string"} for i in range(20_000)}},
    ],
)
def test_schemas_that_are_wrong_or_dangerous_are_refused(schema: Any) -> None:
    assert schema_problem(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        SCHEMA,
        {"properties": {"a": {"pattern": r"^[^@]+@[^@]+\.[a-z]{2,8}$"}}},
        {"$defs": {"x": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/x"}}},
    ],
)
def test_ordinary_schemas_pass(schema: Any) -> None:
    assert schema_problem(schema) is None


def test_patterns_and_unique_items_are_kept() -> None:
    schema = {"properties": {"a": {"pattern": "^x"}, "b": {"uniqueItems": True}}}

    assert check_inputs(schema, {"a": "xy", "b": [1, 2]})
    with pytest.raises(InputsInvalid):
        check_inputs(schema, {"a": "y"})
    with pytest.raises(InputsInvalid):
        check_inputs(schema, {"b": [{"k": 1}, {"k": 1}]})


def test_a_schema_that_asks_for_a_billion_checks_ends_soon() -> None:
    levels = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(30)}
    bomb = {"$defs": {**levels, "d30": {"type": "object"}}, "$ref": "#/$defs/d0"}

    with pytest.raises(InputsInvalid, match="too many checks"):
        check_inputs(bomb, {})


def test_a_schema_that_refers_to_itself_ends() -> None:
    with pytest.raises(InputsInvalid):
        check_inputs({"$ref": "#"}, {})


def test_unique_items_of_a_long_list_of_objects_is_quick() -> None:
    def check(length: int) -> None:
        check_inputs({"properties": {"a": {"uniqueItems": True}}}, {"a": [{"i": i} for i in range(length)]})

    assert growth(check, 2_000, 20_000) < 40
