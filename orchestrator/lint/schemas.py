"""Warns of JSON Schemas that are valid and say something else than their author meant.

JSON Schema ignores what it does not know, so a misspelt keyword is no error. Words that are near no keyword
are left alone: they may be of another program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.definitions.branches import APPROVAL, WAIT_FOR_SIGNAL
from orchestrator.documents import exact_json
from orchestrator.documents.json_schema import filled_inputs, judge
from orchestrator.documents.problems import Findings, joined
from orchestrator.documents.schema_costs import compiling_cost
from orchestrator.documents.schema_words import type_named
from orchestrator.lint.context import Linter
from orchestrator.lint.near_words import Nearest
from orchestrator.templates.references import is_template

#: Path, code, message, hint.
Finding = tuple[str, str, str, str | None]

_OF_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_OF_ONE = (
    "additionalProperties", "items", "contains", "propertyNames", "not", "if", "then", "else",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema", "additionalItems",
)  # fmt: skip
_OF_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
#: What a schema says of the same value in other places, where a name may be described as well.
_ELSEWHERE = (
    "patternProperties", "propertyNames", "allOf", "anyOf", "oneOf", "not", "if", "then", "else",
    "dependentSchemas", "$ref", "$dynamicRef",
)  # fmt: skip
#: Whose value is a text: a name of a type there is no input that is described in too few words.
_TEXTS = frozenset({"type", "title", "description", "format", "pattern", "const", "default", "$ref"})
#: Known, and never taken for what another word was meant to be: other programs have words like them.
_NEVER_MEANT = frozenset(
    {
        "$id", "$schema", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor",
        "$vocabulary", "$comment", "id", "if", "then", "else", "not", "examples", "example", "contentSchema",
        "contentEncoding", "contentMediaType", "dependencies", "additionalItems", "readOnly", "writeOnly",
        "deprecated",
    }
)  # fmt: skip
_MEANT = (
    *_OF_NAMED, *(word for word in (*_OF_ONE, *_OF_MANY) if word not in _NEVER_MEANT), "$ref", "type", "enum",
    "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength",
    "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains",
    "maxProperties", "minProperties", "required", "dependentRequired", "format", "title", "description",
    "default",
)  # fmt: skip
_KNOWN = _NEVER_MEANT.union(_MEANT)
#: Handlers whose config holds a schema, with the field.
_IN_CONFIGS = {"llm": "schema", WAIT_FOR_SIGNAL: "schema", APPROVAL: "form"}


@dataclass(frozen=True, slots=True)
class _Part:
    """One schema inside of another.

    is_alone   nothing else in the whole describes the same values.
    is_filled  its default is filled into the inputs.
    """

    schema: dict[str, Any]
    path: str
    is_alone: bool = True
    is_filled: bool = False


def misread_schemas(linter: Linter) -> Iterator[Finding]:
    """Give what the schemas of a definition say that their author cannot have meant."""
    left = linter.budget.schema_units
    meant = Nearest(_MEANT, linter.budget.compared_words)
    for schema, path in _schemas(linter):
        is_inputs = path == "inputs"
        if is_inputs:
            yield from _never_an_object(schema)
        for part in _parts(_Part(schema, path, is_filled=is_inputs)):
            yield from _words(part, meant, is_whole_inputs=is_inputs and part.path == path)
            yield from _undescribed(part, linter.findings)
            if left > 0 and "default" in part.schema and part.path != path:
                whole = _with_definitions(part.schema, schema)
                left -= compiling_cost(whole)
                if left > 0:
                    yield from _misfit(part, whole)


def _schemas(linter: Linter) -> Iterator[tuple[dict[str, Any], str]]:
    definition = linter.definition
    if definition.inputs_schema:
        yield definition.inputs_schema, "inputs"
    if definition.interface is not None:
        written = definition.source.get("interface") or {}
        for end in ("start", "stop"):
            declared = getattr(definition.interface, end)
            if declared is not None and declared.schema:
                path = f"interface.{end}"
                yield declared.schema, path if declared.schema is written[end] else f"{path}.schema"
        for name, event in definition.interface.events.items():
            if event.schema:
                yield event.schema, f"interface.events.{name}.schema"
    for node in definition.nodes:
        field = _IN_CONFIGS.get(node.handler, "")
        schema = node.config.get(field)
        if isinstance(schema, dict) and not is_template(exact_json.dumps(schema).decode()):
            yield schema, linter.at(node, f"config.{field}")


def _parts(whole: _Part) -> Iterator[_Part]:
    """Give a schema and every one inside of it, in the order in which they are written."""
    stack = [whole]
    while stack:
        part = stack.pop()
        yield part
        is_alone = part.is_alone and not any(word in part.schema for word in _ELSEWHERE)
        stack += [
            replace(
                part,
                schema=below,
                path=path,
                is_alone=is_alone and word in ("properties", "items", "prefixItems", "additionalProperties"),
                is_filled=part.is_filled and word == "properties",
            )
            for below, path, word in reversed([*_below(part)])
            if isinstance(below, dict)
        ]


def _below(part: _Part) -> Iterator[tuple[Any, str, str]]:
    for word, value in part.schema.items():
        path = f"{part.path}.{word}"
        if word in _OF_ONE:
            yield value, path, word
        elif word in _OF_NAMED and isinstance(value, dict):
            yield from ((below, f"{path}.{name}", word) for name, below in value.items())
        elif word in _OF_MANY and isinstance(value, list):
            yield from ((below, f"{path}[{index}]", word) for index, below in enumerate(value))


# What is wrong with one of them


def _never_an_object(schema: dict[str, Any]) -> Iterator[Finding]:
    types = _types(schema)
    if types and "object" not in types:
        wanted = " or ".join(map(repr, types))
        message = f"no execution can start: inputs are an object, and 'inputs.type' wants {wanted}"
        yield "inputs.type", "inputs_never_fit", message, "write type: object, with properties for each input"


def _words(part: _Part, meant: Nearest, *, is_whole_inputs: bool) -> Iterator[Finding]:
    """Judge the words of one schema that are no keywords."""
    unknown = {word: value for word, value in part.schema.items() if word not in _KNOWN and word[:2] != "x-"}
    named = {word: value for word, value in unknown.items() if _is_described(word, value, meant)}
    if named and len(named) == len(part.schema):
        message = f"'{part.path}' checks nothing: {joined([*named])} {_is_no(named)} of JSON Schema"
        yield part.path, "unknown_keyword", message, _as_properties(named)
        return
    for word, value in unknown.items():
        path = f"{part.path}.{word}"[:300]
        if word in named and is_whole_inputs:
            message = f"'{path}' checks nothing: {word!r} is no keyword of JSON Schema"
            yield path, "unknown_keyword", message, _as_properties({word: value})
        elif (keyword := meant.of(word)) is not None:
            message = f"'{path}' checks nothing: {word!r} is no keyword of JSON Schema"
            yield path, "unknown_keyword", message, f"did you mean {keyword!r}?"
        elif word == "nullable" and value is True and "null" not in (types := _types(part.schema)) and types:
            message = f"'{path}' is no keyword of JSON Schema: null is refused"
            written = ", ".join([*types, "'null'"])
            yield path, "unknown_keyword", message, f"write type: [{written}]"


def _is_described(word: str, value: Any, meant: Nearest) -> bool:
    """Say whether a word is the name of a value that is described below it, as `properties` would have it."""
    if isinstance(value, str):
        return type_named(value) is not None and meant.of(word) not in _TEXTS
    return isinstance(value, dict) and type_named(value.get("type")) is not None


def _is_no(words: dict[str, Any]) -> str:
    return "is no keyword" if len(words) == 1 else "are no keywords"


def _as_properties(named: dict[str, Any]) -> str:
    name, value = next(iter(named.items()))
    type = type_named(value if isinstance(value, str) else value["type"])
    more = ", …" if len(named) > 1 else ""
    return f"write properties: {{{name}: {{type: {type}}}{more}}}"


def _types(schema: dict[str, Any]) -> list[str]:
    given = schema.get("type", [])
    return [given] if isinstance(given, str) else given if isinstance(given, list) else []


def _undescribed(part: _Part, findings: Findings) -> Iterator[Finding]:
    """Find names that are required and not described, where nothing else could describe them."""
    properties, required = part.schema.get("properties"), part.schema.get("required")
    rest = part.schema.get("additionalProperties", True)
    if not part.is_alone or not properties or not isinstance(required, list) or isinstance(rest, dict):
        return
    if any(word in part.schema for word in _ELSEWHERE) or "unevaluatedProperties" in part.schema:
        return
    for index, name in enumerate(required):
        if name in properties:
            continue
        path = f"{part.path}.required[{index}]"
        message = f"'{part.path}.required' names {name!r}, which 'properties' does not describe"
        message += ": any value of it fits" if rest is True else " and nothing else may be sent: nothing fits"
        hint = findings.did_you_mean(name, properties) or f"properties: {joined(properties)}"
        yield path, "required_not_described", message, hint


def _with_definitions(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Put what a part refers to beside it; most refer to nothing, and the definitions may be large."""
    text = exact_json.dumps(schema)
    refers = b'"$ref"' in text or b'"$dynamicRef"' in text
    beside: dict[str, Any] = {
        name: whole[name] for name in ("$defs", "definitions") if refers and name in whole
    }
    return {**beside, "allOf": [schema]}


def _misfit(part: _Part, whole: dict[str, Any]) -> Iterator[Finding]:
    """Find a default that its own schema refuses, once the defaults inside of it are filled in."""
    path, value = f"{part.path}.default", part.schema["default"]
    if part.is_filled and isinstance(value, dict):
        value = filled_inputs(part.schema, value)
    found = [problem for problem in judge(whole, value, path).problems if problem.code == "bad_input"]
    if found:
        message = f"the default does not fit its own schema: {found[0].message}"
        hint = "a start that leaves it out is refused" if part.is_filled else None
        yield path, "default_misfits", message, hint
