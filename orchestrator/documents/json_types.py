"""Name the types of values in JSON's words."""

from __future__ import annotations

from typing import Any


def kind_of(value: Any) -> str:
    """Name a value's type in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "nothing usable"
