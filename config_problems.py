"""Says of settings that cannot be used what is wrong with them, in lines for the one who set them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo


class SettingsInvalid(ValueError):
    """Variables that cannot be used: a line for each, naming it. Values of secrets are in none of them."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


_FOUND = {
    "int_parsing": "is no whole number",
    "int_from_float": "is no whole number",
    "float_parsing": "is no number",
    "finite_number": "is no finite number",
    "bool_parsing": "is neither true nor false",
    "literal_error": "is not known",
}


def settings_lines(error: ValidationError, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    """Give a line for each wrong variable: `LEASE_MS: 'abc' is no whole number; allowed: 300 or more`."""
    for found in error.errors(include_url=False):
        name = str(found["loc"][0])
        field = fields[name]
        if found["type"] == "value_error":
            yield f"{name.upper()}: {found['msg'].removeprefix('Value error, ')}"
            continue
        # What `repr` must not show, a log must not either.
        value = repr(str(found["input"])[:80]) if field.repr else "the value"
        what = _FOUND.get(found["type"], "is out of bounds")
        yield f"{name.upper()}: {value} {what}; allowed: {_allowed(field)}"


def _allowed(field: FieldInfo) -> str:
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not type(None)]
    literal = next((kind for kind in (field.annotation, *kinds) if get_origin(kind) is Literal), None)
    if literal is not None:
        return ", ".join(map(str, get_args(literal)))
    if bool in kinds:
        return "true, false"
    bounds: Mapping[str, Any] = {
        mark: getattr(rule, mark)
        for rule in field.metadata
        for mark in ("ge", "gt", "le")
        if getattr(rule, mark, None) is not None
    }
    if "ge" in bounds and "le" in bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    if "ge" in bounds:
        return f"{bounds['ge']} or more"
    return f"more than {bounds['gt']}" if "gt" in bounds else "a text"
