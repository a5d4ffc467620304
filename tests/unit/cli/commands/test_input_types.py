"""KEY=VALUE words get the type their schema wants; without one a text is JSON only if it stays the same."""

from __future__ import annotations

from typing import Any

import pytest

from cli.commands.input_types import put_input


def value_of(key: str, text: str, schema: Any) -> Any:
    inputs: dict[str, Any] = {}
    put_input(inputs, key, text, schema)
    return inputs[key]


def of(schema: Any, text: str, **more: Any) -> Any:
    """The value of a word whose property has this schema."""
    return value_of("key", text, {"type": "object", "properties": {"key": schema}, **more})


def same(found: Any, wanted: Any) -> bool:
    return type(found) is type(wanted) and bool(found == wanted)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250", 250),
        ("-1", -1),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ('"Jane"', "Jane"),
        ("12345678901234567890123", 12345678901234567890123),
        ("[1, 2]", [1, 2]),
        ('{"a":{"b":1.10}}', {"a": {"b": 1.1}}),
        ("1.10", "1.10"),
        ("01", "01"),
        ("1e5", "1e5"),
        ("-0", "-0"),
        (" 5", " 5"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("[0.1000000000000000055511151231257827]", "[0.1000000000000000055511151231257827]"),
        ("1e999", "1e999"),
        ("NaN", "NaN"),
        ("True", "True"),
        ("", ""),
        ("http://x?a=b", "http://x?a=b"),
        ("{half", "{half"),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
    ],
)
@pytest.mark.parametrize(
    "schema", [None, True, {}, {"properties": {"other": {}}}, {"properties": {"key": {"title": "Any"}}}]
)
def test_without_a_type_a_text_is_json_if_it_is_the_same_written_out(
    schema: Any, text: str, value: Any
) -> None:
    assert same(value_of("key", text, schema), value)


@pytest.mark.parametrize(
    "text", ["123", "00123", "1e5", "true", "null", "1.10", "[1]", '{"a": 1}', '"quoted"', ""]
)
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": ["string"], "minLength": 0},
        {"allOf": [{"title": "x"}, {"type": "string"}]},
        {"$ref": "#/$defs/text"},
        {"$ref": "#/$defs/a~1b%20c"},
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "string"}]},
    ],
)
def test_what_is_a_text_by_its_schema_is_the_text_as_it_stands(schema: Any, text: str) -> None:
    texts = {"type": "string"}

    assert of(schema, text, **{"$defs": {"text": texts, "a/b c": {"$ref": "#/$defs/text"}}}) == text


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "number"}, "1.10", 1.1),
        ({"type": "number"}, "1e5", 100000.0),
        ({"type": "integer"}, "5", 5),
        ({"type": "integer"}, "5.0", 5.0),
        ({"type": "boolean"}, "false", False),
        ({"type": "null"}, "null", None),
        ({"type": "array"}, "[1,2]", [1, 2]),
        ({"type": "object", "properties": {"id": {"type": "string"}}}, '{"id": "1"}', {"id": "1"}),
        ({"type": ["string", "null"]}, "null", None),
        ({"type": ["string", "null"]}, "12", "12"),
        ({"type": ["integer", "string"]}, "12", 12),
        ({"type": ["integer", "string"]}, "012", "012"),
        ({"type": ["integer", "string"]}, "1.5", "1.5"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "12", 12),
        ({"oneOf": [{"type": "array"}, {"type": "string"}]}, "[1]", [1]),
        ({"oneOf": [{"type": "array"}, {"type": "string"}]}, "1", "1"),
        ({"enum": ["1", "2"]}, "1", "1"),
        ({"enum": [1, 2]}, "1", 1),
        ({"enum": ["1", 2]}, "1", "1"),
        ({"enum": ["1", 2]}, "2", 2),
        ({"const": True}, "true", True),
        ({"anyOf": [{"type": "integer"}, {"const": "auto"}]}, "auto", "auto"),
    ],
)
def test_json_is_read_where_the_schema_wants_it(schema: Any, text: str, value: Any) -> None:
    assert same(of(schema, text), value)


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "abc", "abc"),
        ({"type": "integer"}, "1.50", 1.5),
        ({"type": "number"}, "01", "01"),
        ({"type": "boolean"}, "True", "True"),
        ({"type": ["integer", "null"]}, "[1]", [1]),
        ({"type": "object"}, "null", None),
        ({"type": "array"}, "[1", "[1"),
        ({"enum": [1, 2]}, "3", 3),
    ],
)
def test_what_does_not_fit_is_left_for_the_server_to_refuse(schema: Any, text: str, value: Any) -> None:
    assert same(of(schema, text), value)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/inputs", "$defs": {"inputs": {"properties": {"key": {"type": "string"}}}}},
        {"allOf": [{"properties": {"key": {"type": "string"}}}]},
        {"anyOf": [{"properties": {"key": {"type": "string"}}}, {"properties": {"key": {"enum": ["a"]}}}]},
        {"patternProperties": {"^k": {"type": "string"}}},
        {"properties": {"other": {}}, "additionalProperties": {"type": "string"}},
    ],
)
def test_the_schema_of_a_property_is_found_wherever_it_stands(schema: Any) -> None:
    assert value_of("key", "1", schema) == "1"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/properties/key"},
        {"$ref": "http://example.com/schema.json"},
        {"$ref": "#/nowhere"},
        {"allOf": [{"$ref": "#/properties/key"}], "anyOf": [{"$ref": "#/properties/key"}]},
        {"type": 5, "enum": 7, "anyOf": {}},
        {"type": ["teapot", "integer"]},
        "no schema",
    ],
)
def test_a_schema_that_leads_nowhere_or_in_circles_says_nothing(schema: Any) -> None:
    assert of(schema, "1") == 1


def test_a_property_of_a_declared_object_is_named_by_its_path() -> None:
    customer = {"type": "object", "properties": {"id": {"type": "string"}, "at": {"$ref": "#/$defs/at"}}}
    place = {"type": "object", "properties": {"zip": {"type": "string"}, "floor": {}}}
    schema = {
        "properties": {"customer": customer, "a.b": {"type": "string"}, "c": {}},
        "$defs": {"at": place},
    }
    filed = {"customer": {"id": "0", "name": "Jane"}}
    inputs: dict[str, Any] = dict(filed)

    for key, text in {
        "customer.id": "7",
        "customer.at.zip": "01",
        "customer.at.floor": "2",
        "a.b": "1",
    }.items():
        put_input(inputs, key, text, schema)
    put_input(inputs, "c.d", "1", schema)

    customer_now = {"id": "7", "name": "Jane", "at": {"zip": "01", "floor": 2}}
    assert inputs == {"customer": customer_now, "a.b": "1", "c.d": 1}
    assert filed == {"customer": {"id": "0", "name": "Jane"}}
