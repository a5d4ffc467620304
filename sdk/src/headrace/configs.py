"""Explains what a handler refuses about a config: where, what was found, what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from headrace.wording import did_you_mean, quoted

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_A_TIME = "a time such as '2027-01-31T09:00:00Z'"


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """What is wrong at one place of a config; its path begins with `config`."""

    path: str
    message: str
    hint: str | None = None


class FaultsInside(ValueError):
    """Raised by a validator that finds several faults inside of one field.

    faults  for each: its place below the field, such as `.properties.n`, what is wrong, and a hint.
    """

    def __init__(self, faults: Sequence[tuple[str, str, str | None]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(message for _, message, _ in faults))


#: What a field should have been, by pydantic's word for what is wrong with it.
_EXPECTED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "string_type": lambda _: "text",
    "int_type": lambda _: "a whole number",
    "int_parsing": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "float_parsing": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "bool_parsing": lambda _: "true or false",
    "dict_type": lambda _: "an object",
    "mapping_type": lambda _: "an object",
    "model_type": lambda _: "an object",
    "model_attributes_type": lambda _: "an object",
    "list_type": lambda _: "a list",
    "literal_error": lambda context: str(context["expected"]),
    "datetime_type": lambda _: _A_TIME,
    "datetime_parsing": lambda _: _A_TIME,
    "datetime_from_date_parsing": lambda _: _A_TIME,
    "enum": lambda context: str(context["expected"]),
    "string_pattern_mismatch": lambda context: f"text that matches {context['pattern']}",
    "string_too_short": lambda context: f"text of {context['min_length']} characters or more",
    "string_too_long": lambda context: f"text of at most {context['max_length']} characters",
    "too_short": lambda context: f"a list with {context['min_length']} or more entries",
    "too_long": lambda context: f"a list with at most {context['max_length']} entries",
    "greater_than_equal": lambda context: f"{context['ge']} or more",
    "greater_than": lambda context: f"more than {context['gt']}",
    "less_than_equal": lambda context: f"{context['le']} or less",
    "less_than": lambda context: f"less than {context['lt']}",
}


def config_problems(
    handler_name: str,
    model: type[BaseModel],
    config: Mapping[str, Any],
    error: ValidationError,
    *,
    is_open: Callable[[Any], bool] | None = None,
    secrets: tuple[str, ...] = (),
) -> list[ConfigProblem]:
    """Translate pydantic's findings, one problem a place. Paths begin with `config`.

    is_open  whether a value is not known yet, since a template in it is not resolved: it is not judged. None
             where everything is resolved.
    secrets  config fields that may hold one: what stands there is not shown once it is resolved.
    """
    places: dict[str, list[dict[str, Any]]] = {}
    for found in error.errors(include_url=False):
        path, value, is_whole = _walk(config, found["loc"], is_missing=found["type"] == "missing")
        about_value = path != "config" and found["type"] not in ("missing", "extra_forbidden")
        if is_open is not None and about_value and is_open(value):
            continue
        is_shown = is_open is not None or not found["loc"] or found["loc"][0] not in secrets
        quoted = _quoted(value) if is_shown else None
        places.setdefault(path, []).append({**found, "quoted": quoted, "is_whole": is_whole})
    problems = []
    for path, entries in places.items():
        # One form of several did not fit, and another fitted but for what is inside of it: report that.
        inside = (f"{path}.", f"{path}[")
        if not entries[0]["is_whole"] and any(other.startswith(inside) for other in places):
            continue
        error_inside = (entries[0].get("ctx") or {}).get("error")
        if isinstance(error_inside, FaultsInside):
            problems += [ConfigProblem(path + place, said, hint) for place, said, hint in error_inside.faults]
            continue
        message, hint = _describe(path, entries, handler_name, model)
        problems.append(ConfigProblem(path, message, hint))
    return problems


def _describe(
    path: str, entries: list[dict[str, Any]], handler_name: str, model: type[BaseModel]
) -> tuple[str, str | None]:
    first = entries[0]
    location = first["loc"]
    if first["type"] == "extra_forbidden":
        holder = model_at(model, location[:-1])
        allowed = field_names(holder) if holder else []
        known = f"; allowed: {', '.join(allowed)}" if allowed else ""
        field = location[-1] if len(location) == 1 else path.removeprefix("config.")
        hint = did_you_mean(str(location[-1]), allowed)
        return f"handler '{handler_name}' has no config field '{field}'{known}", hint
    if first["type"] == "missing":
        field = location[-1] if len(location) == 1 else path.removeprefix("config.")
        return f"handler '{handler_name}' needs the config field '{field}'", None
    quoted = first["quoted"]
    if first["type"] == "value_error":
        text = str(first["msg"]).removeprefix("Value error, ")
        if path == "config":
            return text, None
        is_told = quoted in (None, "an object", "a list") or quoted in text or "found" in text
        return f"'{path}': {text}" + ("" if is_told else f"; found {quoted}"), None
    found = "" if quoted is None else f", found {quoted}"
    return f"'{path}' {expectation(entries)}{found}", None


def expectation(entries: Sequence[Mapping[str, Any]]) -> str:
    """Write what one value must be: `must be text or a list`; one entry for each form it may have."""
    known = (entry for entry in entries if entry["type"] in _EXPECTED)
    words = list(dict.fromkeys(_EXPECTED[entry["type"]](entry.get("ctx") or {}) for entry in known))
    if "a number" in words and "a whole number" in words:
        words.remove("a whole number")
    if words:
        return f"must be {' or '.join(words)}"
    text = str(entries[0]["msg"]).removeprefix("Value error, ")
    return f"is not right: {text[:1].lower()}{text[1:]}"


def field_names(model: type[BaseModel]) -> list[str]:
    """List the fields as they are sent."""
    return [field.alias or name for name, field in model.model_fields.items()]


def model_at(model: type[BaseModel] | None, location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Give the model that a location is in, or None where it leads into free JSON."""
    for step in location:
        if model is None or isinstance(step, int):
            continue
        named = {field.alias or name: field for name, field in model.model_fields.items()}
        model = _model_in(named[step].annotation) if step in named else None
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def _walk(config: Any, location: tuple[int | str, ...], *, is_missing: bool) -> tuple[str, Any, bool]:
    """Follow an error's location as far as it leads into the config, stepping over the names of forms.

    Gives path, value, and whether the location ended where the config did.
    """
    path, value, is_whole = "config", config, True
    for index, step in enumerate(location):
        is_whole = True
        if isinstance(value, Mapping) and step in value:
            path, value = f"{path}.{step}", value[step]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            path, value = f"{path}[{step}]", value[step]
        elif index == len(location) - 1 and is_missing:
            return f"{path}.{step}", None, True
        else:
            is_whole = False
    return path, value, is_whole


def _quoted(value: Any) -> str:
    if value in ([], {}):
        return "an empty list" if isinstance(value, list) else "an empty object"
    return quoted(value)
