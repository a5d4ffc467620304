"""Simulated answers match the schema they were asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from clients.llm.schema_sample import sample_of

SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a",
    "z"]},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
    {"type": "number", "minimum": 2.5}, {"type": "integer", "exclusiveMinimum": 4}, {"type": "integer",
    "maximum": -3},
    {"type": "integer", "minimum": 7, "multipleOf": 5}, {"type": "string", "minLength": 20},
    {"type": "string", "maxLength": 3}, {"enum": ["red", "green"]}, {"const": 42}, {"type": ["null",
    "string"]},
    {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "format": "date-time"},
    {"allOf": [{"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
               {"properties": {"b": {"const": 2}}, "required": ["b"]}]},
    {"$ref": "#/$defs/Lead", "$defs": {"Lead": {"type": "object",
    "properties": {"score": {"type": "number"}}}}},
    {"type": "string", "pattern": "^[A-Z]{2}-\\d{4}$"}, {"type": "string", "pattern": "^a+$", "minLength": 7},
    {}, {"type": "null"}, {"default": "x", "type": "string"},
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_sample_matches_its_schema(schema: dict[str, Any]) -> None:
    assert Draft202012Validator(schema).is_valid(sample_of(schema))


def test_a_schema_that_contains_itself_ends() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}}

    assert "next" in sample_of(schema)


def test_a_reference_to_elsewhere_is_not_followed() -> None:
    assert sample_of({"$ref": "https://example.com/schema.json"}) == "simulated"


def test_a_schema_that_contains_itself_many_times_has_a_sample_of_bounded_size() -> None:
    within = {"type": "object", "properties": {f"p{i}": {"$ref": "#"} for i in range(10)}}
    listed = {"type": "array", "minItems": 100, "items": {"$ref": "#"}}

    for schema in (within, listed):
        assert len(json.dumps(sample_of(schema))) < 100_000
