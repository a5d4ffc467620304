"""The smallest value a JSON Schema allows, for answers that are simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clients.llm.pattern_sample import sample_of_pattern

MAX_DEPTH = 16
#: Values in a sample; a schema that contains itself twice would have no end of them.
MAX_VALUES = 1_000
_FORMATS = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "simulated@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def sample_of(schema: Any) -> Any:
    """Build a value by the plain keywords of a schema. Pure, always the same; rare keywords are not met."""
    return _sample(schema, _Root(schema), 0)


class _Root:
    """The whole schema, and how many values may still be made from it."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.left = MAX_VALUES


def _sample(schema: Any, root: _Root, depth: int) -> Any:
    root.left -= 1
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH or root.left < 0:
        return None
    if isinstance(reference := schema.get("$ref"), str):
        return _sample(_resolve(reference, root), root, depth + 1)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("enum", "examples"):
        if isinstance(schema.get(name), list) and schema[name]:
            return schema[name][0]
    for name in ("anyOf", "oneOf"):
        if isinstance(schema.get(name), list) and schema[name]:
            rest = {key: value for key, value in schema.items() if key != name}
            return _sample(_merged(rest, schema[name][0]), root, depth + 1)
    if isinstance(schema.get("allOf"), list):
        merged: Any = {key: value for key, value in schema.items() if key != "allOf"}
        for each in schema["allOf"]:
            part = _resolve(each["$ref"], root) if isinstance(each, Mapping) and "$ref" in each else each
            merged = _merged(merged, part)
        return _sample(merged, root, depth + 1)
    return _of_type(schema, root, depth)


def _of_type(schema: Mapping[str, Any], root: _Root, depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind == "object" or (kind is None and "properties" in schema):
        properties = schema.get("properties", {})
        wanted = [*properties, *(name for name in schema.get("required", ()) if name not in properties)]
        return {
            name: _sample(properties.get(name, {"type": "string"}), root, depth + 1)
            for name in wanted[: max(root.left, 0)]
        }
    if kind == "array":
        count = min(max(int(schema.get("minItems", 0)), 0), 100)
        return [_sample(schema.get("items", {}), root, depth + 1) for _ in range(count)]
    if kind in ("integer", "number"):
        return _number(schema, whole=kind == "integer")
    if kind == "boolean":
        return False
    if kind == "null":
        return None
    return _text(schema)


def _number(schema: Mapping[str, Any], *, whole: bool) -> int | float:
    low = schema.get("minimum")
    if low is None and (above := schema.get("exclusiveMinimum")) is not None:
        low = above + 1
    high = schema.get("maximum")
    if high is None and (below := schema.get("exclusiveMaximum")) is not None:
        high = below - 1
    value: float = 0
    if low is not None and value < low:
        value = low
    if high is not None and value > high:
        value = high
    step = schema.get("multipleOf")
    if step:
        value = -(-value // step) * step
    return int(-(-value // 1)) if whole else value


def _text(schema: Mapping[str, Any]) -> str:
    shortest, longest = int(schema.get("minLength", 0)), int(schema.get("maxLength", 10_000))
    if isinstance(pattern := schema.get("pattern"), str):
        matching = sample_of_pattern(pattern, shortest=shortest)
        if matching is not None:
            return matching
    text = _FORMATS.get(str(schema.get("format")), "simulated")
    return text.ljust(min(shortest, 10_000), ".")[: max(longest, 0)]


def _merged(one: Any, other: Any) -> Any:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = [*one["required"], *other["required"]]
    return merged


def _resolve(reference: str, root: _Root) -> Any:
    """Follow a reference inside the schema; one to anywhere else is not followed."""
    if not reference.startswith("#"):
        return {}
    found = root.schema
    for part in reference.lstrip("#").strip("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if name:
            found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return found
