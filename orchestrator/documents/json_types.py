"""The types of JSON values, the one word people read for each of them, and which values mean no."""

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


def is_true(value: Any) -> bool:
    """Whether a value means yes: the one truth of `when`, conditions, `not`, `and`, `or`, `if` and filters.

    No mean null, false, 0, empty text, list and object, and the texts false, 0, none and null in any case,
    blanks around ignored: what an answer looks like once it went through text.
    """
    if isinstance(value, str):
        word = value.strip()
        return len(word) > _LONGEST_NO or word.lower() not in _NO
    return bool(value)


_NO = frozenset({"", "false", "0", "none", "null"})
_LONGEST_NO = max(map(len, _NO))
