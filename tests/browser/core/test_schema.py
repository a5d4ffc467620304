"""What a JSON Schema asks for: a value to begin with, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.modules import Module

LINE = {
    "type": "object",
    "required": ["sku"],
    "properties": {"sku": {"type": "string"}, "sub": {"$ref": "#/$defs/line"}},
}
ORDER: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "lines", "kind"],
    "properties": {
        "id": {"type": "string", "minLength": 2, "pattern": "^[A-Z]+"},
        "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 10, "multipleOf": 0.1},
        "count": {"type": "integer", "default": 3},
        "kind": {"enum": ["new", "used"]},
        "note": {"type": ["string", "null"]},
        "fixed": {"const": {"a": 1}},
        "lines": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"$ref": "#/$defs/line"}},
    },
    "$defs": {"line": LINE},
}
GOOD: dict[str, Any] = {"id": "AB", "kind": "new", "lines": [{"sku": "x", "sub": {"sku": "y"}}]}


@pytest.fixture
def schema(pure: Callable[[str], Module]) -> Module:
    return pure("core/schema.js")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({}, None),
        ({"amount": 0.3, "note": None, "fixed": {"a": 1}, "count": 4}, None),
        ({"id": "A"}, "id"),
        ({"id": "ab"}, "id"),
        ({"id": 5}, "id"),
        ({"amount": 0}, "amount"),
        ({"amount": 10.1}, "amount"),
        ({"amount": 0.25}, "amount"),
        ({"amount": "3"}, "amount"),
        ({"count": 1.5}, "count"),
        ({"count": True}, "count"),
        ({"kind": "old"}, "kind"),
        ({"note": 5}, "note"),
        ({"fixed": {"a": 2}}, "fixed"),
        ({"lines": []}, "lines"),
        ({"lines": [{"sku": "a"}, {"sku": "a"}]}, "lines"),
        ({"lines": [{"sku": "a"}, {}]}, "lines[1].sku"),
        ({"lines": [{"sku": "a", "sub": {"sku": 1}}]}, "lines[0].sub.sku"),
        ({"other": 1}, "other"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(schema: Module, change: dict[str, Any], path: str | None) -> None:
    found = schema.call("check", ORDER, GOOD | change, ORDER)

    assert [each["path"] for each in found] == ([] if path is None else [path]), found


def test_equal_values_are_equal_whatever_the_order_of_their_keys(schema: Module) -> None:
    fixed = {"const": {"a": 1, "b": [2]}}

    assert schema.call("check", fixed, {"b": [2], "a": 1}, fixed) == []


def test_names_of_objects_are_no_names_of_their_prototype(schema: Module) -> None:
    strict = {"type": "object", "required": ["constructor"], "properties": {"toString": {"type": "string"}}}

    assert [each["path"] for each in schema.call("check", strict, {}, strict)] == ["constructor"]


def test_a_value_to_begin_with_has_defaults_and_what_must_be_there(schema: Module) -> None:
    assert schema.call("startOf", ORDER, ORDER) == {
        "id": "",
        "count": 3,
        "kind": "new",
        "lines": [{"sku": ""}],
    }


def test_a_schema_that_needs_itself_comes_to_an_end(schema: Module) -> None:
    endless = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/a"}}}},
    }

    assert schema.run("(module, endless) => typeof module.startOf(endless, endless)", endless) == "object"


def test_an_integer_of_any_length_is_one(schema: Module) -> None:
    found = schema.run(
        """async ({ check }) => {
            const { fromJson } = await import("/ui/static/core/json.js");
            const { n } = fromJson('{"n": 12345678901234567890}');
            const schemas = [{ type: "integer" }, { type: "number", maximum: 10 }, { type: "string" }];
            return schemas.map((schema) => check(schema, n, schema).map(({ message }) => message));
        }"""
    )

    assert found == [[], ["must be at most 10"], ["must be a string; found number"]]
