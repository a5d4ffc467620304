"""What a KEY=VALUE word stands for, by the JSON Schema of the inputs. Pure.

The schema is read for types alone; whether a value fits it, the server says.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

#: JSON Schema's names of types.
ANY = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
#: How deep branches are followed, and how many schemas are looked at for one word.
MAX_DEPTH = 16
MAX_STEPS = 2000
_NOT_JSON = object()


def put_input(inputs: dict[str, Any], key: str, text: str, schema: Any) -> None:
    """Put one word among the inputs: JSON where the schema wants it, text where it wants text.

    Where it takes both, or says nothing, a text is JSON only if it is the same written out again: `250` is a
    number and `1.10` is not. What fits neither is put in as it is read, for the server to refuse.
    `customer.id` is `id` of the object `customer` where the schema has the one and not the other.
    """
    reading = _Reading(schema)
    while "." in key and not list(reading.schemas_of(key, schema)):
        outer, _, inner = key.partition(".")
        around = {"allOf": list(reading.schemas_of(outer, schema))}
        types = reading.types(around)
        if types == ANY or "object" not in types or not isinstance(inputs.get(outer, {}), dict):
            break
        # A copy: what is within may be the document of a file.
        inputs[outer] = inputs = dict(inputs.get(outer, {}))
        key, schema = inner, around
    inputs[key] = _value_of(text, {"allOf": list(reading.schemas_of(key, schema))}, reading)


def _value_of(text: str, wanted: Any, reading: _Reading) -> Any:
    types = reading.types(wanted)
    value = _read_json(text)
    # Quotes are a part of a text, once it is known to be one.
    if value is _NOT_JSON or (isinstance(value, str) and types != ANY):
        return text
    if "string" not in types:
        return value
    if types.isdisjoint(_types_of_value(value)):
        return text
    members = reading.members(wanted)
    if _written(value) in members or _written(text) in members:
        return value if _written(value) in members else text
    return value if _survives(text, value) else text


class _Reading:
    """Reads one schema; what lies behind too many steps says nothing, so that no schema takes long."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._steps_left = MAX_STEPS

    def schemas_of(self, key: str, schema: Any, depth: int = 0) -> Iterator[Any]:
        """Every schema that the value of one property has to fit."""
        for part in self._parts(schema):
            named = _mapping(part.get("properties"))
            patterns = _mapping(part.get("patternProperties"))
            matching = [each for pattern, each in patterns.items() if _matches(pattern, key)]
            if key in named:
                yield named[key]
            yield from matching
            others = part.get("additionalProperties")
            if key not in named and not matching and isinstance(others, Mapping):
                yield others
            for branches in _branches(part, depth):
                yield {"anyOf": [{"allOf": list(self.schemas_of(key, each, depth + 1))} for each in branches]}

    def types(self, schema: Any, depth: int = 0) -> frozenset[str]:
        """The types a schema lets through; all of them where it does not say."""
        found = ANY
        for part in self._parts(schema):
            names = part.get("type")
            if isinstance(names, str | list):
                found &= _with_integer({names} if isinstance(names, str) else {str(name) for name in names})
            if (values := _listed(part)) is not None:
                found &= frozenset().union(*(_types_of_value(each) for each in values))
            for branches in _branches(part, depth):
                found &= frozenset().union(*(self.types(each, depth + 1) for each in branches))
        return found

    def members(self, schema: Any) -> frozenset[str]:
        """The values a schema lists, written out."""
        return frozenset(_written(each) for part in self._parts(schema) for each in _listed(part) or ())

    def _parts(self, schema: Any) -> Iterator[Mapping[str, Any]]:
        """A schema, what it refers to within the document, and all of its `allOf`: what holds together."""
        waiting = [schema]
        while waiting and self._steps_left > 0:
            self._steps_left -= 1
            part = waiting.pop()
            if not isinstance(part, Mapping):
                continue
            yield part
            if isinstance(reference := part.get("$ref"), str):
                waiting.append(_referred(reference, self._root))
            if isinstance(together := part.get("allOf"), list):
                waiting += together


def _branches(part: Mapping[str, Any], depth: int) -> Iterator[list[Any]]:
    for word in ("anyOf", "oneOf"):
        branches = part.get(word)
        if isinstance(branches, list) and branches and depth < MAX_DEPTH:
            yield branches


def _listed(part: Mapping[str, Any]) -> list[Any] | None:
    if "const" in part:
        return [part["const"]]
    values = part.get("enum")
    return values if isinstance(values, list) else None


def _referred(reference: str, root: Any) -> Any:
    """What a reference within the document names; None for any other."""
    name, hash_mark, pointer = reference.partition("#")
    if name or not hash_mark:
        return None
    found = root
    for step in unquote(pointer).split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _read_json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _survives(text: str, value: Any) -> bool:
    """Whether a value, written out, is the text again; within lists and objects, in all its numbers."""
    if not isinstance(value, list | dict):
        return text in (_written(value), json.dumps(value))
    numbers: list[str] = []
    json.loads(text, parse_float=numbers.append)
    return all(Decimal(each) == Decimal(repr(float(each))) for each in numbers)


def _types_of_value(value: Any) -> frozenset[str]:
    if value is None:
        return frozenset({"null"})
    if isinstance(value, bool):
        return frozenset({"boolean"})
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return frozenset({"integer", "number"})
    names = {float: "number", str: "string", list: "array", dict: "object"}
    return frozenset({names[type(value)]})


def _with_integer(names: set[str]) -> frozenset[str]:
    return frozenset(names | {"integer"} if "number" in names else names)


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _matches(pattern: str, key: str) -> bool:
    try:
        return re.search(pattern, key) is not None
    except re.error:
        return False


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:80]} is too large")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a key appears twice in one object")
    return document
