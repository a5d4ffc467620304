"""What becomes of a value as JSON, by one rule: in a worker, in a unit test, whatever else is installed.

Objects, lists, tuples, text, numbers, true, false and null are JSON. A pydantic model is its `model_dump`, a
dataclass an object of its fields, an Enum its value, a date or time ISO 8601, a UUID its text. Nothing else
has a meaning: no set, no Decimal, no bytes, no NaN, no key that is not text.
"""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import date, datetime, time
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from headrace.ways_out import way_out
from headrace.wording import text_of

#: Levels of nested objects and lists that can be written.
MAX_DEPTH = 254
#: The longest integer that is kept.
MAX_INT_BITS = 1_024
#: What messages say of NaN and its like.
NOT_FINITE = "is NaN or infinite, which JSON does not have: write None"
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Json(NamedTuple):
    """A value as JSON that is written already."""

    text: bytes


class NoMeaning(TypeError):
    """A value has no meaning as JSON."""


def plain(value: Any) -> Any:
    """Give what stands for one value that is no JSON; what is in it may be no JSON either.

    Raises NoMeaning for a value that has none as JSON.
    """
    if callable(dump := getattr(type(value), "model_dump", None)):
        return dump(value, mode="json", by_alias=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return {name: getattr(value, name) for name in names if not name.startswith("_")}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise NoMeaning(f"Type is not JSON serializable: {type(value).__name__}")


def as_json(value: Any, root: str = "output", *, depth: int = 0) -> Any:
    """Make a value into what JSON gives back for it: dicts, lists, text, numbers, booleans, None.

    root  what messages call the value.
    Raises TypeError, and ValueError for NaN, infinities and half of a surrogate pair, naming the place.
    """
    try:
        return _copied(value, MAX_DEPTH - depth)
    except _Unusual:
        return _made(value, root, depth)


def json_of(value: Any, root: str = "output") -> bytes:
    """Write what JSON makes of a value. Raises what `as_json` raises."""
    return written(as_json(value, root))


def written(plain: Any) -> bytes:
    """Write what `as_json` gave."""
    return _encode(plain).encode()


def json_of_dumped(value: Any, root: str) -> bytes:
    """Write a value whose keys are known to be text, as those of all that pydantic dumps are.

    Only where the encoder refuses it is it looked through, as any other value is.
    Raises what `as_json` raises.
    """
    try:
        return written(value)
    except (TypeError, ValueError, RecursionError):
        return json_of(value, root)


class _Unusual(Exception):
    """A value has to be looked at more closely."""


def _copied(value: Any, levels: int) -> Any:
    """Copy a value that is JSON as it stands, as most are. Raises _Unusual for any other."""
    kind = type(value)
    if levels < 0:
        raise _Unusual
    if kind is str:
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise _Unusual from None
        return value
    if kind is dict:
        copy = {}
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise _Unusual
            # Most of it is such text: a call for each costs more than the rest.
            is_plain = levels and type(item) is str and item.isascii()
            copy[key] = item if is_plain else _copied(item, levels - 1)
        return copy
    if kind is list or kind is tuple:
        return [_copied(item, levels - 1) for item in value]
    if kind is int:
        if value.bit_length() <= MAX_INT_BITS:
            return value
    elif value is None or kind is bool or (kind is float and math.isfinite(value)):
        return value
    raise _Unusual


def _made(value: Any, root: str, depth: int) -> Any:
    """Make a value into JSON, as `as_json` says."""
    if depth > MAX_DEPTH:
        raise TypeError(f"nested deeper than {MAX_DEPTH} levels; something in it may hold itself")
    if isinstance(value, Enum):
        return _made(plain(value), root, depth)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text_in_json(value, root)
    if isinstance(value, int):
        if value.bit_length() > MAX_INT_BITS:
            raise TypeError(
                f"{root} is an integer of {value.bit_length():,} bits; allowed are {MAX_INT_BITS:,}: "
                "write str(value)"
            )
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{root} {NOT_FINITE}")
        return float(value)
    if isinstance(value, dict):
        return {_key(key, root): _made(item, f"{root}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return [_made(item, f"{root}[{index}]", depth + 1) for index, item in enumerate(value)]
    return _made(_plain(value, root), root, depth + 1)


def _plain(value: Any, root: str) -> Any:
    """Give what stands for a value. Raises TypeError where nothing does, with the way out."""
    kind = type(value).__name__
    try:
        return plain(value)
    except NoMeaning:
        raise TypeError(f"{root} is of the type {kind}, which is not JSON: {way_out(value)}") from None
    except Exception as error:
        # Code of the value's own class: a computed field, say.
        reason = f"{type(error).__name__}: {text_of(error)}"
        raise TypeError(f"{root} of the type {kind} cannot be made into JSON: {reason}") from error


def text_in_json(value: Any, root: str) -> str:
    """Give a text that JSON can hold.

    root  what messages call it.
    Raises TypeError for what is no text, ValueError for what is not Unicode.
    """
    if not isinstance(value, str):
        raise TypeError(f"{root} is not text, but of the type {type(value).__name__}")
    text = str(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            found = ascii(text[error.start])
            raise ValueError(f"{root} has half of a surrogate pair, {found}, which is not Unicode") from None
    return text


def _key(key: Any, root: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{root} has a key that is not text: {key!r}; write str(key)")
    return text_in_json(key, f"a key of {root}")
