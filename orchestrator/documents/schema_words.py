"""The sentence for each kind of problem of a value, or of a schema itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind

from headrace.wording import TYPE_WORDS, closest, did_you_mean, quoted
from orchestrator.documents import exact_json
from orchestrator.documents.problems import joined

#: Longest list of allowed values, and longest sentence.
_MOST_OPTIONS, _MOST_CHARACTERS = 20, 300
_LONGEST = 500
_Kind = ValidationErrorKind
_OTHER_TYPE_WORDS = {
    "str": "string", "text": "string", "int": "integer", "long": "integer", "float": "number",
    "double": "number", "decimal": "number", "bool": "boolean", "dict": "object", "map": "object",
    "list": "array", "tuple": "array", "none": "null",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """What is wrong at one place of a schema; the place is below the field that holds it: `.properties.n`."""

    place: str
    message: str
    hint: str | None = None


def place_of(path: Iterable[str | int]) -> str:
    """Write where in the value an error is: `.items[2].name`; empty for the whole of it."""
    return "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in path)


def by_place(error: ValidationError) -> tuple[tuple[tuple[bool, int, str], ...], str]:
    """Order errors by where they are: items by number, members by name."""
    path = tuple(
        (isinstance(part, str), part if isinstance(part, int) else 0, str(part))
        for part in error.instance_path
    )
    return path, error.kind.name


def names_at(schema: Any, error: ValidationError) -> list[str]:
    """List the properties that the object in question has names for; empty where the schema names none."""
    for step in list(error.schema_path)[:-1]:
        try:
            schema = schema[step]
        except (KeyError, IndexError, TypeError):
            return []
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return list(properties) if isinstance(properties, dict) else []


def hint_at(error: ValidationError, names: list[str]) -> str | None:
    """Find the property that a name was probably meant for; names are those of `names_at`."""
    match error.kind:
        case _Kind.AdditionalProperties() | _Kind.UnevaluatedProperties():
            taken = error.instance if isinstance(error.instance, dict) else {}
            free = [name for name in names if name not in taken]
            # A name that is taken may be so by its default, which stands where the misspelt one was meant to.
            hints = (
                did_you_mean(name, free) or did_you_mean(name, names) for name in error.kind.unexpected[:3]
            )
            return next(filter(None, hints), None)
        case _Kind.Required() if isinstance(error.instance, dict):
            close = closest(error.kind.property, sorted(error.instance.keys() - set(names)))
            return f"{close!r} is there instead" if close is not None else None
    return None


def describe_error(error: ValidationError, where: str, names: Collection[str] = ()) -> str:
    """Say what is wrong with the value at `where`; names are those it may have there, if they are known."""
    kind, found = error.kind, quoted(error.instance)
    match kind:
        case _Kind.Type():
            # The library does not keep the order of a list of types.
            types = sorted(kind.types, key=list(TYPE_WORDS).index)
            return f"'{where}' must be {' or '.join(TYPE_WORDS[each] for each in types)}, found {found}"
        case _Kind.Enum():
            return f"'{where}' must be {_one_of(kind.options)}, found {found}"
        case _Kind.Constant():
            return f"'{where}' must be {_one_of([kind.expected_value])}, found {found}"
        case _Kind.AnyOf() | _Kind.OneOfNotValid():
            forms = len(kind.context)
            return f"'{where}' fits none of the {forms} forms of {kind.name}, found {found}"
        case _Kind.PropertyNames():
            inner = kind.error
            name = quoted(inner.instance)
            return f"'{where}' has a name that is not allowed: {name}: {_said(inner)}"[:_LONGEST]
        case _Kind.AdditionalProperties() | _Kind.UnevaluatedProperties() if names:
            return f"'{where}': {_said(error)} (allowed: {joined(list(names)[:_MOST_OPTIONS])})"[:_LONGEST]
    return f"'{where}': {_said(error)}"[:_LONGEST]


def describe_schema_error(error: ValidationError, what: str) -> SchemaFault:
    """Say what is wrong with a schema itself; `what` is the field that holds it."""
    path = error.instance_path
    place = place_of(path)[:_LONGEST]
    where = f"{what}{place}"
    if isinstance(error.kind, _Kind.Referencing):
        return SchemaFault(place, f"not a valid JSON Schema: {error.message[:_LONGEST]}")
    if isinstance(error.kind, _Kind.Format) and isinstance(error.instance, str):
        message = f"the pattern {error.instance[:100]!r} is not a regular expression, or one too large"
        return SchemaFault(place, message)
    if path and path[-1] == "type":
        message = f"'{where}' must be one of {', '.join(sorted(TYPE_WORDS))}, found {quoted(error.instance)}"
    else:
        message = describe_error(error, where)
    return SchemaFault(place, f"not a valid JSON Schema: {message}", _hint_at_keyword(path, error.instance))


def type_named(word: object) -> str | None:
    """Name the type of JSON Schema that a word stands for: itself, or one of a programming language."""
    if not isinstance(word, str):
        return None
    return word if word in TYPE_WORDS else _OTHER_TYPE_WORDS.get(word.lower())


def _hint_at_keyword(path: Sequence[str | int], found: object) -> str | None:
    """Say what was probably meant by the value of a keyword, or by a word in the place of a schema."""
    keyword, holder = path[-1] if path else None, path[-2] if len(path) > 1 else None
    meant = type_named(found) or (closest(found, TYPE_WORDS) if isinstance(found, str) else None)
    if holder == "properties" and meant:
        return f"write {{type: {meant}}}"
    if keyword == "type" and meant:
        return f"did you mean {meant!r}?"
    if keyword == "required" and isinstance(found, bool):
        return "'required' stands beside 'properties', and lists names: required: [name]"
    return None


def _one_of(options: list[Any]) -> str:
    allowed = ", ".join(exact_json.dumps(word).decode() for word in options[:_MOST_OPTIONS])
    return f"{'one of ' if len(options) > 1 else ''}{allowed[:_MOST_CHARACTERS]}"


def _said(error: ValidationError) -> str:
    """Say what is wrong, without the place."""
    kind, found = error.kind, quoted(error.instance)
    match kind:
        case _Kind.Minimum():
            return f"{found} is less than the minimum of {kind.limit}"
        case _Kind.Maximum():
            return f"{found} is greater than the maximum of {kind.limit}"
        case _Kind.ExclusiveMinimum():
            return f"{found} is not greater than {kind.limit}"
        case _Kind.ExclusiveMaximum():
            return f"{found} is not less than {kind.limit}"
        case _Kind.MultipleOf():
            return f"{found} is not a multiple of {kind.multiple_of}"
        case _Kind.Required():
            return f"'{kind.property}' is missing"
        case _Kind.AdditionalProperties() | _Kind.UnevaluatedProperties():
            return f"{joined([repr(name) for name in kind.unexpected])} must not be here"
        case _Kind.MinLength():
            return f"{found} is shorter than {_counted(kind.limit, 'character')}"
        case _Kind.MaxLength():
            return f"{found} is longer than {_counted(kind.limit, 'character')}"
        case _Kind.Pattern():
            return f"{found} does not match '{kind.pattern}'"
    return _said_of_a_container(error, found)


def _said_of_a_container(error: ValidationError, found: str) -> str:
    kind = error.kind
    size = len(error.instance) if isinstance(error.instance, list | dict) else 0
    match kind:
        case _Kind.MinItems():
            return f"it has {size} items, fewer than {kind.limit}"
        case _Kind.MaxItems():
            return f"it has {size} items, more than {kind.limit}"
        case _Kind.MinProperties():
            return f"it has {size} members, fewer than {kind.limit}"
        case _Kind.MaxProperties():
            return f"it has {size} members, more than {kind.limit}"
        case _Kind.UniqueItems():
            return "has an item more than once"
        case _Kind.Contains():
            keyword = error.schema_path[-1] if error.schema_path else "contains"
            return f"too {'many' if keyword == 'maxContains' else 'few'} items are of the form of 'contains'"
        case _Kind.UnevaluatedItems():
            return "it has more items than are allowed"
        case _Kind.OneOfMultipleValid():
            return f"{found} fits more than one form of oneOf"
        case _Kind.Not():
            return f"{found} is what 'not' excludes"
        case _Kind.FalseSchema():
            return "nothing is allowed here"
    return error.message


def _counted(number: int, unit: str) -> str:
    return f"{number:,} {unit}{'' if number == 1 else 's'}"
