"""JSON Schema: check schemas and the values sent for them, fill in defaults, and word what is wrong.

Schemas are as untrusted as the values. So remote references are never fetched, references are counted (a
dozen lines of `allOf` can otherwise ask for a billion checks), and patterns that could run for ever are
refused.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

import orjson

from orchestrator.documents.json_types import TYPE_WORDS, kind_of
from orchestrator.documents.problems import quoted
from orchestrator.errors import InputsInvalid, Problem

MAX_REFERENCES = 10_000
MAX_PROBLEMS = 50
MAX_PATTERN = 500
#: Longest text a pattern is tried on.
MAX_MATCHED = 10_000

_left: ContextVar[int] = ContextVar("references_left", default=MAX_REFERENCES)


class _TooMuch(Exception):
    """A schema asks for more checks than allowed."""


# Schemas and values


def schema_problem(schema: Any, what: str = "inputs") -> str | None:
    """Say what is wrong with a schema, or None. `what`: the field that holds it."""
    if not isinstance(schema, dict):
        return f"the {what} schema must be an object, got {kind_of(schema)}"
    validator = _validator_class()
    try:
        from jsonschema import SchemaError

        validator.check_schema(schema)
    except SchemaError as error:
        return _describe_schema_error(error, what)
    except (RecursionError, re.error, _TooMuch) as error:
        return f"not a usable JSON Schema: {type(error).__name__}"
    return _bad_reference_or_pattern(schema)


def check_inputs(schema: dict[str, Any] | None, inputs: Any) -> dict[str, Any]:
    """Give the inputs with defaults filled in; raises InputsInvalid with every problem found."""
    given = {} if inputs is None else inputs
    if not isinstance(given, dict):
        message = f"inputs must be an object, got {kind_of(given)}"
        raise InputsInvalid([Problem("inputs", "wrong_type", message)])
    if schema is None:
        return given
    filled: dict[str, Any] = _with_defaults(schema, copy.deepcopy(given))
    if problems := value_problems(schema, filled, "inputs"):
        raise InputsInvalid(problems)
    return filled


def value_problems(schema: dict[str, Any], value: Any, what: str) -> list[Problem]:
    """List what a schema finds wrong with a value; `what` begins the path of each problem."""
    token = _left.set(MAX_REFERENCES)
    try:
        return _problems(schema, value, what)
    except (_TooMuch, RecursionError):
        return [Problem(what, "too_complex", f"the schema asks for too many checks of this {what}")]
    except Exception as error:  # whatever a strange schema makes of strange values is the caller's problem
        message = f"the {what} cannot be checked: {type(error).__name__}: {str(error)[:200]}"
        return [Problem(what, "unusable_schema", message)]
    finally:
        _left.reset(token)


def _problems(schema: dict[str, Any], value: Any, what: str) -> list[Problem]:
    problems: list[Problem] = []
    for error in _validator(orjson.dumps(schema)).iter_errors(value):
        where = f"{what}{_place_of(error)}"[:300]
        problems.append(Problem(where, "bad_input", _describe_error(error, where)))
        if len(problems) >= MAX_PROBLEMS:
            break
    return problems


def _with_defaults(schema: Any, value: Any) -> Any:
    """Fill in declared defaults, also inside objects that are there."""
    if isinstance(schema, dict) and isinstance(value, dict):
        properties = schema.get("properties")
        for name, below in properties.items() if isinstance(properties, dict) else ():
            if not isinstance(below, dict):
                continue
            if name not in value and "default" in below:
                value[name] = copy.deepcopy(below["default"])
            if name in value:
                _with_defaults(below, value[name])
    return value


# The validator, bounded


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Any:
    from referencing import Registry

    return _validator_class()(orjson.loads(schema), registry=Registry())  # this registry fetches nothing


@cache
def _validator_class() -> Any:
    """Give the Draft 2020-12 validator counted references, bounded patterns and a linear uniqueItems."""
    from jsonschema import Draft202012Validator, ValidationError, validators

    def counted(keyword: str) -> Any:
        plain = Draft202012Validator.VALIDATORS[keyword]

        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            left = _left.get() - 1
            if left < 0:
                raise _TooMuch
            _left.set(left)
            yield from plain(validator, value, instance, schema) or ()

        return check

    def pattern(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if not isinstance(instance, str):
            return
        if len(instance) > MAX_MATCHED:
            yield ValidationError(f"a text matched by a pattern has at most {MAX_MATCHED:,} characters")
        elif not re.search(value, instance):
            yield ValidationError(f"{instance[:200]!r} does not match {value!r}")

    def unique(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if not value or not isinstance(instance, list):
            return
        if len({orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in instance}) < len(instance):
            yield ValidationError("has an item more than once")

    special = {"$ref": counted("$ref"), "$dynamicRef": counted("$dynamicRef")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        extend: Any = validators.extend
        return extend(Draft202012Validator, {**special, "pattern": pattern, "uniqueItems": unique})


# References and patterns that are refused


def _bad_reference_or_pattern(schema: dict[str, Any]) -> str | None:
    stack: list[Any] = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
        elif isinstance(part, Mapping):
            stack += part.values()
            target = part.get("$ref")
            if isinstance(target, str) and not target.startswith("#"):
                return f"$ref {target[:100]!r} points outside the schema; only '#/…' is allowed"
            for text in _patterns(part):
                problem = _pattern_problem(text)
                if problem:
                    return f"the pattern {text[:100]!r} {problem}"
    return None


def _patterns(part: Mapping[str, Any]) -> list[str]:
    found = [part["pattern"]] if isinstance(part.get("pattern"), str) else []
    by_name = part.get("patternProperties")
    return [*found, *by_name] if isinstance(by_name, dict) else found


def _pattern_problem(text: str) -> str | None:
    """Refuse repetition inside repetition, the shape that makes a backtracking matcher run for ever."""
    if len(text) > MAX_PATTERN:
        return f"is longer than the allowed {MAX_PATTERN} characters"
    try:
        from re import _parser  # type: ignore[attr-defined]

        parsed = _parser.parse(text)
    except (re.error, RecursionError, OverflowError):
        return "is not a regular expression"
    stack: list[tuple[Any, bool]] = [(parsed, False)]
    while stack:
        part, repeated = stack.pop()
        if isinstance(part, tuple) and len(part) == 2 and str(part[0]) in ("MAX_REPEAT", "MIN_REPEAT"):
            if repeated:
                return "repeats something that is itself repeated"
            stack.append((part[1][2], part[1][1] > 1))
        elif isinstance(part, tuple) and len(part) == 2 and str(part[0]) == "BRANCH" and repeated:
            return "repeats a choice; use a character class"
        elif isinstance(part, tuple | list) or hasattr(part, "data"):
            stack += [(below, repeated) for below in getattr(part, "data", part)]
    return None


# Words


def _place_of(error: Any) -> str:
    """Write where in the value an error is: `.items[2].name`; empty for the whole of it."""
    return "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in error.absolute_path)


def _describe_error(error: Any, where: str) -> str:
    """Say what is wrong with the value at `where`.

    error  of the library: keyword, what the schema says to it, the value.
    """
    keyword, wanted = error.validator, error.validator_value
    if keyword == "type":
        kinds = wanted if isinstance(wanted, list) else [wanted]
        expected = " or ".join(TYPE_WORDS.get(kind, str(kind)) for kind in kinds)
        return f"'{where}' must be {expected}, found {quoted(error.instance)}"
    if keyword in ("enum", "const"):
        words = wanted if keyword == "enum" else [wanted]
        allowed = ", ".join(orjson.dumps(word).decode() for word in words[:20])
        one = "one of " if len(words) > 1 else ""
        return f"'{where}' must be {one}{allowed[:300]}, found {quoted(error.instance)}"
    if keyword in ("anyOf", "oneOf") and "more than one" not in error.message and error.context:
        return f"'{where}' fits none of the {len(wanted)} forms of {keyword}, found {quoted(error.instance)}"
    return f"'{where}': {error.message[:500]}"


def _describe_schema_error(error: Any, what: str) -> str:
    """Say what is wrong with a schema itself; `what` is the field that holds it."""
    where = f"{what}{_place_of(error)}"
    if error.absolute_path and error.absolute_path[-1] == "type":
        message = f"'{where}' must be one of {', '.join(sorted(TYPE_WORDS))}, found {quoted(error.instance)}"
    else:
        message = _describe_error(error, where)
    return f"not a valid JSON Schema: {message}"
