"""Compares two values of any kind, as the handler `condition` and the filter `compare` do."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from orchestrator.documents import exact_json

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
#: A longer text is no number that anyone compares, and costs more to read than it is worth.
_NUMBER_MAX_CHARS = 1_000


def compare(left: Any, operator_name: str, right: Any) -> bool:
    """Compare as numbers where both read as numbers, as text otherwise.

    Numbers are decimal: 0.1 equals "0.10", and integers of any length are exact. An ordering of things that
    are not both numbers is false.
    """
    numbers = _number(left), _number(right)
    if None not in numbers:
        return OPERATORS[operator_name](*numbers)
    if operator_name not in ("==", "!="):
        return False
    return OPERATORS[operator_name](_text(left), _text(right))


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    if not isinstance(value, str) or len(value) > _NUMBER_MAX_CHARS:
        return None
    text = value.strip()
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _text(value: Any) -> str:
    """Write a value so that equal ones are equal texts: text as it is, all else as JSON with sorted keys."""
    return value if isinstance(value, str) else exact_json.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
