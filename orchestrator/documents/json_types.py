"""The types of JSON values, and the one word people read for each of them."""

from __future__ import annotations

from typing import Any

from orchestrator.documents import exact_json

#: What messages call a type, by the name that JSON Schema gives it.
TYPE_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


def kind_of(value: Any) -> str:
    """Name a value's type in the words of messages; whole numbers are numbers."""
    name = _type_name(value)
    return TYPE_WORDS[name] if name is not None else "nothing usable"


def json_size(value: Any) -> int:
    """Bytes of a value as compact JSON."""
    return len(exact_json.dumps(value))


def _type_name(value: Any) -> str | None:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else None
