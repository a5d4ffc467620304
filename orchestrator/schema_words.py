"""Say what a JSON Schema finds wrong, in JSON's words: where, what is allowed, what was found."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.findings import shown

_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


def place_of(error: Any) -> str:
    """Write where in the value an error is: `.items[2].name`; empty for the whole of it."""
    return "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in error.absolute_path)


def told(error: Any, where: str) -> str:
    """Say what is wrong with the value at `where`.

    error  of the library: keyword, what the schema says to it, the value.
    """
    keyword, wanted = error.validator, error.validator_value
    if keyword == "type":
        kinds = wanted if isinstance(wanted, list) else [wanted]
        expected = " or ".join(_TYPES.get(kind, str(kind)) for kind in kinds)
        return f"'{where}' must be {expected}, found {shown(error.instance)}"
    if keyword in ("enum", "const"):
        words = wanted if keyword == "enum" else [wanted]
        listed = ", ".join(orjson.dumps(word).decode() for word in words[:20])
        one = "one of " if len(words) > 1 else ""
        return f"'{where}' must be {one}{listed[:300]}, found {shown(error.instance)}"
    if keyword in ("anyOf", "oneOf") and "more than one" not in error.message and error.context:
        return f"'{where}' fits none of the {len(wanted)} forms of {keyword}, found {shown(error.instance)}"
    return f"'{where}': {error.message[:500]}"


def told_of_schema(error: Any, what: str) -> str:
    """Say what is wrong with a schema itself; `what` is the field that holds it."""
    where = f"{what}{place_of(error)}"
    if error.absolute_path and error.absolute_path[-1] == "type":
        message = f"'{where}' must be one of {', '.join(sorted(_TYPES))}, found {shown(error.instance)}"
    else:
        message = told(error, where)
    return f"not a valid JSON Schema: {message}"
