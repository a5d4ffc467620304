"""Offer the filters, tests and methods that templates may use: small pure functions over JSON values.

All are our own rather than Jinja's, because several of those reach attributes by name, build text of any
length from a short one, or call back into the environment. None of these can see anything but its arguments.
What a function returns is charged by the interpreter; one that could build something large checks first.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import orjson

from headrace.wording import kind_of
from orchestrator.documents import comparison, exact_json
from orchestrator.documents.exact_json import MAX_INT_DIGITS
from orchestrator.documents.json_types import is_true
from orchestrator.documents.strict_json import parse
from orchestrator.templates import encodings, formats, groups, moments, patterns
from orchestrator.templates.budget import MAX_STEPS, MAX_TEXT, check_length, short_text
from orchestrator.templates.ordering import COMPARISONS, greatest, is_same, least, sorted_by
from orchestrator.templates.values import (
    EvaluationError,
    Missing,
    field_of,
    items_of,
    number_given,
    present,
    text_given,
    to_text,
)

#: Most items one `range` may have.
MAX_RANGE = 10_000
#: Different characters that may be trimmed: each character of the text is looked for among them.
MAX_TRIMMED = 100
#: Integers up to here are the same as floats.
LARGEST_EXACT = 2**53

Operation = Callable[..., Any]


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EvaluationError(f"expected an object, got {kind_of(value)}")
    return value


def _replace(value: Any, old: Any, new: Any) -> str:
    text, before, after = text_given(value), to_text(old), to_text(new)
    check_length(len(text))
    check_length(len(text) + text.count(before) * max(len(after) - len(before), 0))
    return text.replace(before, after)


def _join(value: Any, separator: Any = "", attribute: Any = None) -> str:
    between = to_text(separator)
    parts: list[str] = []
    length = 0
    for item in items_of(value):
        parts.append(to_text(item if attribute is None else present(field_of(item, attribute))))
        length += len(parts[-1]) + len(between)
        check_length(length)
    return between.join(parts)


def _split(value: Any, separator: Any = None) -> list[str]:
    parts = text_given(value).split(None if separator is None else text_given(separator), MAX_STEPS)
    if len(parts) > MAX_STEPS:
        raise EvaluationError(f"gives more than the allowed {MAX_STEPS:,} parts")
    return parts


def _trim(value: Any, chars: Any = None) -> str:
    if chars is None:
        return text_given(value).strip()
    letters = set(text_given(chars)[:MAX_TEXT])
    if len(letters) > MAX_TRIMMED or len(chars) > MAX_TEXT:
        raise EvaluationError(f"takes at most {MAX_TRIMMED} different characters")
    return text_given(value).strip("".join(letters))


def _escape(value: Any) -> str:
    return html.escape(short_text(value))


def _urlencode(value: Any) -> str:
    """Quote text for a path, as Jinja does; an object, or a list of pairs, for a query."""
    if isinstance(value, list):
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
            raise EvaluationError("takes text, an object, or a list of pairs")
        pairs = value
    elif isinstance(value, dict):
        pairs = [[key, item] for key, item in value.items()]
    else:
        return quote(short_text(value))
    return "&".join(f"{quote_plus(short_text(key))}={quote_plus(short_text(item))}" for key, item in pairs)


def _truncate(value: Any, length: Any = 255, end: Any = "…") -> str:
    text, limit, tail = text_given(value), max(int(number_given(length)), 0), text_given(end)
    check_length(len(tail))
    return text if len(text) <= limit else text[: max(limit - len(tail), 0)] + tail


def _sort(value: Any, reverse: Any = False, attribute: Any = None) -> list[Any]:
    def rank(item: Any) -> Any:
        return item if attribute is None else present(field_of(item, attribute))

    found: list[Any] = _compared("sort", lambda: sorted_by(items_of(value), rank, is_true(reverse)))
    return found


def _compared(what: str, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except TypeError:
        raise EvaluationError(f"{what} takes items of one kind, all numbers or all text") from None


def _unique(value: Any) -> list[Any]:
    seen: dict[bytes, Any] = {}
    for item in items_of(value):
        seen.setdefault(exact_json.dumps(item, option=orjson.OPT_SORT_KEYS), item)
    return list(seen.values())


def _sum(value: Any, attribute: Any = None) -> int | float:
    items = items_of(value)
    return sum(
        number_given(item if attribute is None else present(field_of(item, attribute))) for item in items
    )


def _pick(value: Any, choose: Callable[[Any], Any], empty: str) -> Any:
    items = value if isinstance(value, str | list) else items_of(value)
    return choose(items) if len(items) else Missing(f"{empty} of an empty list")


def _int(value: Any, default: Any = 0) -> Any:
    try:
        if isinstance(value, str):
            text = value.strip()
            is_whole = text.lstrip("+-").isdecimal() and len(text) <= MAX_INT_DIGITS
            return int(text if is_whole else float(text))
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return default


def _float(value: Any, default: Any = 0.0) -> Any:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if math.isfinite(number) else default


def _round(value: Any, precision: Any = 0, method: Any = "common") -> int | float:
    number, digits = number_given(value), int(number_given(precision))
    if not -15 <= digits <= 15:
        raise EvaluationError(f"round takes a precision from -15 to 15, got {digits}")
    if method not in ("common", "ceil", "floor"):
        raise EvaluationError("round takes the method common, ceil or floor")
    if isinstance(number, int) and abs(number) > LARGEST_EXACT:  # as a float it would be another number
        unit: int = 10 ** max(-digits, 0)
        if method == "common":
            return round(number, min(digits, 0))
        return (-(-number // unit) if method == "ceil" else number // unit) * unit
    if method == "common":
        return round(float(number), digits)
    scale = 10.0**digits
    return (math.ceil if method == "ceil" else math.floor)(number * scale) / scale


def _tojson(value: Any, indent: Any = None) -> str:
    return exact_json.dumps(value, option=orjson.OPT_INDENT_2 if is_true(indent) else 0).decode()


def _fromjson(value: Any) -> Any:
    check_length(len(text_given(value)))
    try:
        return parse(value)
    except Exception as error:  # the parser's list of problems, as one sentence
        raise EvaluationError(f"fromjson: {str(error)[:300]}") from None


def _default(value: Any, other: Any = "", boolean: Any = False) -> Any:
    return other if isinstance(value, Missing) or (is_true(boolean) and not is_true(value)) else value


def _compare(value: Any, sign: Any, other: Any) -> bool:
    if sign not in comparison.OPERATORS:
        raise EvaluationError(f"takes one of {', '.join(comparison.OPERATORS)} first")
    return comparison.compare(value, sign, other)


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise EvaluationError(f"expected a list, an object or text, got {kind_of(value)}")
    return len(value)


def range_of(*bounds: Any) -> list[int]:
    """Give range(stop), range(start, stop) or range(start, stop, step) as a bounded list."""
    if not 1 <= len(bounds) <= 3 or any(type(bound) is not int for bound in bounds):
        raise EvaluationError("range takes one to three whole numbers")
    numbers = range(*bounds)
    if abs(numbers.stop - numbers.start) // abs(numbers.step) > MAX_RANGE or len(numbers) > MAX_RANGE:
        raise EvaluationError(f"range has more than the allowed {MAX_RANGE:,} items")
    return list(numbers)


FILTERS: Mapping[str, Operation] = {
    "abs": lambda value: abs(number_given(value)),
    "b64decode": encodings.b64decode,
    "b64encode": encodings.b64encode,
    "batch": groups.batch,
    "capitalize": lambda value: text_given(value).capitalize(),
    "compare": _compare,
    "count": _length,
    "d": _default,
    "date_add": moments.date_add,
    "default": _default,
    "escape": _escape,
    "first": lambda value: _pick(value, lambda items: items[0], "the first"),
    "float": _float,
    "format": formats.printf,
    "fromjson": _fromjson,
    "groupby": groups.groupby,
    "int": _int,
    "items": lambda value: [[key, item] for key, item in _object(value).items()],
    "join": _join,
    "keys": lambda value: list(_object(value)),
    "last": lambda value: _pick(value, lambda items: items[-1], "the last"),
    "length": _length,
    "list": lambda value: list(items_of(value)),
    "lower": lambda value: text_given(value).lower(),
    "max": lambda value: _compared("max", lambda: _pick(value, greatest, "the greatest")),
    "min": lambda value: _compared("min", lambda: _pick(value, least, "the least")),
    "regex_replace": patterns.regex_replace,
    "regex_search": patterns.regex_search,
    "replace": _replace,
    "reverse": lambda value: value[::-1] if isinstance(value, str) else items_of(value)[::-1],
    "round": _round,
    "sha256": encodings.sha256,
    "sort": _sort,
    "split": _split,
    "strftime": moments.strftime,
    "string": to_text,
    "sum": _sum,
    "title": lambda value: text_given(value).title(),
    "tojson": _tojson,
    "trim": _trim,
    "truncate": _truncate,
    "unique": _unique,
    "upper": lambda value: text_given(value).upper(),
    "urlencode": _urlencode,
    "values": lambda value: list(_object(value).values()),
}

#: Filters that count what they do as they go; their first argument is the budget.
METERED = frozenset({"batch", "format", "groupby", "regex_replace", "regex_search"})

#: Arguments that can be judged before anything runs where they are written out: place, name, and the check.
WRITTEN_OUT: Mapping[str, tuple[tuple[int, str, Callable[[str], object]], ...]] = {
    "regex_replace": ((0, "pattern", patterns.check_early), (1, "replacement", patterns.check_replacement)),
    "regex_search": ((0, "pattern", patterns.check_early),),
    "strftime": ((0, "format", moments.check_format), (1, "tz", moments.zone_of)),
}
#: Names of arguments that a filter takes, where it is worth to name them all.
OPTIONS: Mapping[str, frozenset[str]] = {"date_add": frozenset(moments.UNITS)}

#: Filters that apply another filter or test to each item; the interpreter carries them out.
ITEM_FILTERS = frozenset({"map", "select", "reject", "selectattr", "rejectattr"})

TESTS: Mapping[str, Operation] = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda value: not isinstance(value, Missing),
    "divisibleby": lambda value, by: number_given(value) % number_given(by) == 0,
    "eq": is_same,
    "equalto": is_same,
    "even": lambda value: number_given(value) % 2 == 0,
    "false": lambda value: value is False,
    "float": lambda value: isinstance(value, float),
    "ge": COMPARISONS["gteq"],
    "gt": COMPARISONS["gt"],
    "in": COMPARISONS["in"],
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "iterable": lambda value: isinstance(value, str | list | dict),
    "le": COMPARISONS["lteq"],
    "lt": COMPARISONS["lt"],
    "mapping": lambda value: isinstance(value, dict),
    "ne": COMPARISONS["ne"],
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "odd": lambda value: number_given(value) % 2 == 1,
    "sequence": lambda value: isinstance(value, str | list),
    "string": lambda value: isinstance(value, str),
    "true": lambda value: value is True,
    "undefined": lambda value: isinstance(value, Missing),
}

#: What may be called on a value, as in `rows.items()`. A key of that name in the data is not in the way:
#: data is never callable.
METHODS: Mapping[str, Operation] = {
    "capitalize": FILTERS["capitalize"],
    "endswith": lambda value, end: text_given(value).endswith(text_given(end)),
    "get": lambda value, key, other=None: _object(value).get(key, other),
    "items": FILTERS["items"],
    "join": lambda separator, value: _join(value, text_given(separator)),
    "keys": FILTERS["keys"],
    "lower": FILTERS["lower"],
    "replace": _replace,
    "split": _split,
    "startswith": lambda value, start: text_given(value).startswith(text_given(start)),
    "strip": FILTERS["trim"],
    "title": FILTERS["title"],
    "upper": FILTERS["upper"],
    "values": FILTERS["values"],
}
