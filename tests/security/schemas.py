"""Hostile JSON Schemas, each with a value: small to send, and without a bound endless to check."""

from typing import Any

Case = tuple[dict[str, Any], Any]


def doubling(levels: int, keyword: str = "allOf") -> dict[str, Any]:
    """A schema whose checks double with each level."""
    parts: dict[str, Any] = {"a0": {"type": "object"}}
    for level in range(1, levels + 1):
        parts[f"a{level}"] = {keyword: [{"$ref": f"#/$defs/a{level - 1}"}] * 2}
    return {"$defs": parts, "$ref": f"#/$defs/a{levels}"}


def nested(levels: int, inner: Any = 1) -> Any:
    """Lists in lists."""
    value = inner
    for _ in range(levels):
        value = [value]
    return value


def of_items(schema: dict[str, Any], item: Any, count: int) -> Case:
    """A schema of every item of a long list."""
    return {"items": schema}, [item] * count


def _unevaluated(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {"a": True}}
    for _ in range(levels):
        schema = {"anyOf": [False, schema], "unevaluatedProperties": False}
    return schema


def _anchored() -> dict[str, Any]:
    schema = doubling(30)
    for name, part in schema["$defs"].items():
        part["$anchor"] = name
        for reference in part.get("allOf", ()):
            reference["$ref"] = "#" + reference["$ref"].rpartition("/")[2].removeprefix("#")
    return schema


#: Checks that would take seconds to ages.
ENDLESS: dict[str, Case] = {
    "doubling references": (doubling(30), {}),
    "doubling by anyOf": (doubling(30, "anyOf"), 1),
    "doubling by anchors": (_anchored(), {}),
    "a schema that is itself": ({"$ref": "#"}, {}),
    "one that is not itself": ({"not": {"$ref": "#"}}, {}),
    "one that is itself dynamically": ({"$dynamicRef": "#"}, {}),
    "doubling with the depth of the value": (
        {"$defs": {"t": {"allOf": [{"items": {"$ref": "#/$defs/t"}}] * 2}}, "$ref": "#/$defs/t"},
        nested(40),
    ),
    "doubling with the depth of objects": (
        {"properties": {"a": {"$ref": "#"}}, "patternProperties": {"^a": {"$ref": "#"}}},
        {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {}}}}}}}}}}}}}},
    ),
    "unevaluated in unevaluated": (_unevaluated(25), {"a": 1}),
    "enum of lists": of_items({"enum": [[i] for i in range(1_000)]}, [999], 1_000),
    "enum of objects": of_items({"enum": [{"a": i} for i in range(1_000)]}, {"a": 999}, 1_000),
    "enum of fractions": of_items({"enum": [i + 0.5 for i in range(1_000)]}, 999.5, 1_000),
    "enum of whole numbers against fractions": of_items({"enum": list(range(1_000))}, 999.5, 1_000),
    "enum of long numbers": of_items({"enum": [10**25 + i for i in range(500)]}, 10**25 + 499, 500),
    "anyOf of constants": of_items({"anyOf": [{"const": f"v{i}"} for i in range(1_500)]}, "v1499", 1_500),
    "oneOf of types": of_items({"oneOf": [{"type": "string"}] * 1_500}, 1, 1_500),
    "allOf contains": ({"allOf": [{"contains": {"const": i}} for i in range(1_000)]}, list(range(5_000))),
    "patterns of names": (
        {"patternProperties": {f"^a{i}$": {} for i in range(1_000)}},
        {f"a{i}": 1 for i in range(1_000)},
    ),
    "unique items again and again": (
        {"allOf": [{"uniqueItems": True}] * 1_000},
        [{"i": i} for i in range(1_000)],
    ),
    "a long constant": of_items({"const": [1.5] * 300}, [1.5] * 300, 300),
    "required of many": of_items(
        {"required": [f"a{i}" for i in range(1_000)]}, {f"a{i}": 1 for i in range(10)}, 1_000
    ),
    "multiples of almost nothing": of_items({"multipleOf": 1e-300}, 1e300, 5_000),
    "a number of thousands of digits": of_items({"minimum": 0.5}, 10**4_000, 100),
    "a pattern in many places at once": ({"pattern": ".*[ab].{300}c"}, "ab" * 5_000),
    "a pattern of large repeats": ({"pattern": "(.|a|b){300}$"}, "é" * 5_000),
}

#: Schemas that take long to compile.
HUGE: dict[str, dict[str, Any]] = {
    "letters, a thousand times": {"pattern": r"\p{L}{1000}"},
    "repeats in repeats": {"pattern": "((((a{100}){100}){100}){100})"},
    "many patterns": {"allOf": [{"pattern": ".{1000}"}] * 50},
    "patterns of many names": {"patternProperties": {f"^[^x]{{0,{i + 900}}}$": {} for i in range(50)}},
    "any case": {"pattern": r"(?i)\pL{100}"},
    "many properties": {"properties": {f"p{i}": {"type": "string"} for i in range(30_000)}},
    "depth and breadth": {"allOf": [{"not": nested(0, {"not": {"not": {"not": {"not": {}}}}})}] * 3_000},
    "a long enum": {"enum": [f"value number {i}" for i in range(60_000)]},
}

#: Patterns that a backtracking matcher tries for ages, with a text each; a matcher in linear time does not.
PATTERNS: dict[str, tuple[str, str]] = {
    "nested": ("(a+)+$", "a" * 5_000 + "b"),
    "choice": ("^(a|a)*$", "a" * 5_000 + "b"),
    "side by side": ("a*" * 8 + "b", "a" * 400),
    "parts": ("^.*;.*;.*;.*x$", ";" * 400),
    "blanks": (r"^\s*\s*\s*x$", " " * 1_400 + "!"),
    "optional": ("^" + "a?" * 40 + "a" * 40 + "$", "a" * 39),
    "choices": ("(?:a|aa|aaa|.)" * 14 + "b", "a" * 40),
    "inner": ("((ab)+c?)+$", "ab" * 2_000 + "d"),
}
