"""What a schema costs: to compile, and to check one value by it. Counted before either is begun.

Schemas are as untrusted as the values, and the library that checks them can be neither stopped nor made to
give way. A dozen lines of `allOf` ask for a billion checks; 3,000 lists in an `enum` are compared with 3,000
values in seconds. So the steps of a check are counted first, with the values that reach each part of the
schema, and every branch counts as taken. One unit is about 50 ns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from orchestrator.documents.json_types import json_size
from orchestrator.documents.schema_patterns import pattern_cost

#: Compiling: more units take longer than an event loop may be held up.
MAX_COMPILING = 1_000_000
#: Every subschema, and as much again for each level that it stands below the top.
_BYTE, _SUBSCHEMA, _LEVEL = 2, 80, 16
_STATE = 10

#: References that one check follows.
MAX_REFERENCES = 3_000
_STEP, _MEMBER = 120, 3
#: Comparing numbers that are not whole is done in decimals.
_DECIMAL, _LONG_DECIMAL = 40, 600
_COMPARED = 4
#: Putting one problem into words, with the value it is about.
_PROBLEM = 200

_NUMERIC = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
_IN_PLACE = ("not", "if", "then", "else")
_REFERENCES = ("$ref", "$dynamicRef")
_FURTHER_MEMBERS = ("additionalProperties", "unevaluatedProperties")
_FURTHER_ITEMS = ("items", "unevaluatedItems")
_OF_OBJECTS = frozenset(
    {"properties", "patternProperties", "propertyNames", "required", "dependentRequired", "dependentSchemas"}
    | set(_FURTHER_MEMBERS)
)
_OF_LISTS = frozenset({"prefixItems", "contains", *_FURTHER_ITEMS})
_SILENT = frozenset(
    {
        "title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly",
        "$defs", "definitions", "$schema", "$id", "$anchor", "$dynamicAnchor", "properties", "format",
    }
)  # fmt: skip


class TooMuch(Exception):
    """A check asks for more than it may.

    is_final  by the number of its references, which no other place allows either.
    """

    def __init__(self, *, is_final: bool = False) -> None:
        self.is_final = is_final
        super().__init__("the check asks for too much")


def compiling_cost(schema: Any, most: int = MAX_COMPILING) -> int:
    """Count what compiling costs; the count stops soon after `most`."""
    units = _BYTE * json_size(schema)
    stack = [(schema, 0)]
    while stack and units <= most:
        part, level = stack.pop()
        units += _SUBSCHEMA + _LEVEL * level
        if isinstance(part, dict):
            units += sum(pattern_cost(text).states * _STATE for text in patterns_of(part))
            stack += [(below, level + 1) for below in part.values() if isinstance(below, dict | list | bool)]
        elif isinstance(part, list):
            stack += [(below, level + 1) for below in part if isinstance(below, dict | list | bool)]
    return units


def patterns_of(part: Mapping[str, Any]) -> list[str]:
    """List the patterns that stand in one subschema itself."""
    found = [part["pattern"]] if isinstance(part.get("pattern"), str) else []
    by_name = part.get("patternProperties")
    return [*found, *by_name] if isinstance(by_name, dict) else found


def checking_cost(schema: Any, value: Any, most: int) -> int:
    """Count what a check costs. Raises TooMuch. The schema is one that compiles."""
    return _Count(schema, most, is_worded=False).of(value)


def wording_cost(schema: Any, value: Any, most: int) -> int:
    """Count what it costs to list every problem that a value can have. Raises TooMuch."""
    return _Count(schema, most, is_worded=True).of(value)


class _Count:
    """One count over a schema, which follows all values that reach a subschema together."""

    def __init__(self, schema: Any, most: int, *, is_worded: bool) -> None:
        self._document = schema
        self._most = most
        self._is_worded = is_worded
        self._spent = 0
        self._references = MAX_REFERENCES
        self._anchors: dict[str, list[Any]] | None = None
        self._stack: list[tuple[Any, list[Any], Any]] = []

    def of(self, value: Any) -> int:
        """Count it all."""
        self._stack.append((self._document, [value], self._document))
        while self._stack:
            schema, values, root = self._stack.pop()
            self._spend(_STEP + len(values))
            if isinstance(schema, dict):
                self._visit(schema, values, schema if "$id" in schema else root)
            elif self._is_worded:
                self._word({"false": False}, values)
        return self._spent

    def _spend(self, units: int) -> None:
        self._spent += units
        if self._spent > self._most:
            raise TooMuch

    def _visit(self, schema: dict[str, Any], values: list[Any], root: Any) -> None:
        self._spend(3 * len(values) * len(schema))
        if self._is_worded:
            self._word(schema, values)
        else:
            self._assertions(schema, values)
        for part, reaching in self._below(schema, values, root):
            if reaching:
                self._stack.append((part, reaching, root))

    # What the keywords of one subschema cost by themselves

    def _assertions(self, schema: dict[str, Any], values: list[Any]) -> None:
        if "enum" in schema or "const" in schema:
            self._compare(schema["enum"] if "enum" in schema else [schema["const"]], values)
        texts = [value for value in values if isinstance(value, str)]
        if texts and ("pattern" in schema or "minLength" in schema or "maxLength" in schema):
            length = sum(map(len, texts))
            self._spend(length // 64)
            if "pattern" in schema:
                self._spend((length + len(texts)) * pattern_cost(schema["pattern"]).active // 10)
        if limits := [schema[keyword] for keyword in _NUMERIC if keyword in schema]:
            self._spend(sum(_decimal(limit) + _decimal(value) for limit in limits for value in values))
        if schema.get("uniqueItems") is True:
            self._spend(sum(json_size(value) for value in values if isinstance(value, list)) // 2)
        if _OF_OBJECTS & schema.keys():
            dependent = schema.get("dependentRequired", {}).values()
            names = len(schema.get("required", ())) + sum(map(len, dependent))
            self._spend(names * sum(isinstance(value, dict) for value in values))

    def _compare(self, options: list[Any], values: list[Any]) -> None:
        """Spend on comparing each value with each option; texts and whole numbers are looked up."""
        containers = sum(isinstance(value, dict | list) for value in values)
        if containers:
            self._spend(containers * sum(map(_weight, options)))
        broken = [value for value in values if isinstance(value, float) or _is_long(value)]
        if broken:
            self._spend(sum(map(_decimal, broken)) * sum(isinstance(each, int | float) for each in options))
        others = sum(_decimal(each) for each in options if isinstance(each, float) or _is_long(each))
        if others:
            self._spend(others * sum(isinstance(value, int | float) for value in values))
        # A list of mixed options is compared one by one.
        if any(isinstance(each, dict | list) for each in options):
            self._spend(len(options) * len(values))

    def _word(self, schema: dict[str, Any], values: list[Any]) -> None:
        problems, listed = 0, 0
        for keyword, part in schema.items():
            if keyword == "required":
                problems += len(part)
            elif keyword == "dependentRequired":
                problems += sum(map(len, part.values()))
            elif keyword not in _SILENT:
                problems += 1
                if keyword in ("enum", "const", "not"):
                    listed += json_size(part)
        if problems:
            sizes = sum(json_size(value) for value in values if isinstance(value, dict | list | str))
            self._spend(len(values) * (problems * _PROBLEM + listed * 8) + sizes * problems)

    # Which values reach which subschemas

    def _below(self, schema: dict[str, Any], values: list[Any], root: Any) -> Iterator[tuple[Any, list[Any]]]:
        # What is unevaluated is found by asking everything in the same place once more.
        times = 2 if "unevaluatedProperties" in schema or "unevaluatedItems" in schema else 1
        for keyword in _IN_PLACE_LISTS:
            for part in schema.get(keyword, ()):
                for _ in range(times):
                    yield part, values
        for keyword in _IN_PLACE:
            if keyword in schema:
                for _ in range(times):
                    yield schema[keyword], values
        for keyword in _REFERENCES:
            if keyword in schema:
                for part in self._targets(schema[keyword], root):
                    for _ in range(times):
                        self._references -= 1
                        if self._references < 0:
                            raise TooMuch(is_final=True)
                        yield part, values
        if _OF_OBJECTS & schema.keys():
            objects = [value for value in values if isinstance(value, dict)]
            yield from self._members(schema, objects, times)
        if _OF_LISTS & schema.keys():
            yield from self._items(schema, [value for value in values if isinstance(value, list)])

    def _members(
        self, schema: dict[str, Any], objects: list[Any], times: int
    ) -> Iterator[tuple[Any, list[Any]]]:
        if not objects:
            return
        properties = schema.get("properties", {})
        for name, part in properties.items():
            self._spend(_MEMBER + len(objects))
            yield part, [each[name] for each in objects if name in each]
        for name, part in schema.get("dependentSchemas", {}).items():
            self._spend(_MEMBER + len(objects))
            for _ in range(times):
                yield part, [each for each in objects if name in each]
        members = sum(map(len, objects))
        if patterns := schema.get("patternProperties"):
            self._spend(members * len(patterns))
            length = members + sum(len(name) for each in objects for name in each)
            for pattern, part in patterns.items():
                self._spend(length * pattern_cost(pattern).active // 10)
                yield part, [below for each in objects for below in each.values()]
        for keyword in _FURTHER_MEMBERS:
            if keyword in schema:
                self._spend(members)
                reaching = [
                    below for each in objects for name, below in each.items() if name not in properties
                ]
                yield schema[keyword], reaching
        if "propertyNames" in schema:
            self._spend(members)
            yield schema["propertyNames"], [name for each in objects for name in each]

    def _items(self, schema: dict[str, Any], lists: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
        if not lists:
            return
        prefix = schema.get("prefixItems", ())
        for index, part in enumerate(prefix):
            self._spend(_MEMBER + len(lists))
            yield part, [each[index] for each in lists if len(each) > index]
        for keyword in (*_FURTHER_ITEMS, "contains"):
            if keyword in schema:
                self._spend(sum(map(len, lists)))
                first = 0 if keyword == "contains" else len(prefix)
                yield schema[keyword], [below for each in lists for below in each[first:]]

    def _targets(self, reference: str, root: Any) -> list[Any]:
        """Find what a reference means; an anchor that several have means them all."""
        place = unquote(reference.removeprefix("#"))
        if not place.startswith("/"):
            return [root] if not place else self._anchored().get(place, [])
        part = root
        for step in place[1:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            part = part[int(name)] if isinstance(part, list) else part[name]
        return [part]

    def _anchored(self) -> dict[str, list[Any]]:
        if self._anchors is None:
            self._anchors = {}
            stack = [self._document]
            while stack:
                part = stack.pop()
                if isinstance(part, list):
                    stack += part
                elif isinstance(part, dict):
                    stack += part.values()
                    for name in (part.get("$anchor"), part.get("$dynamicAnchor")):
                        if isinstance(name, str):
                            self._anchors.setdefault(name, []).append(part)
        return self._anchors


def _is_long(value: Any) -> bool:
    return isinstance(value, int) and not -(2**63) <= value < 2**64


def _decimal(value: Any) -> int:
    """Units of comparing with a number: those with many digits cost by the square of them."""
    if isinstance(value, float):
        return _DECIMAL if value == 0 or 1e-15 < abs(value) < 1e16 else _LONG_DECIMAL
    return _LONG_DECIMAL + value.bit_length() ** 2 // 4000 if _is_long(value) else 1


def _weight(option: Any) -> int:
    """Units of comparing a value with one option."""
    weight, stack = 0, [option]
    while stack:
        part = stack.pop()
        weight += _COMPARED + (_decimal(part) if isinstance(part, int | float) else 0)
        if isinstance(part, dict):
            stack += part.values()
        elif isinstance(part, list):
            stack += part
    return weight
