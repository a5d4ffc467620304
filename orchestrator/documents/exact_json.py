"""JSON with integers of any length: orjson reads one beyond 64 bits as a float, and refuses to write it.

What the engine keeps and hands on is read and written here, so that an id of thirty digits stays that id.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import orjson

#: The longest integer that is kept. Of one that is longer, other readers of JSON make infinity.
MAX_INT_BITS = 1_024
#: Levels of nested objects and lists that can be written.
MAX_DEPTH = 254
#: Digits that no shorter integer has; an integer of so many may still be too long.
MAX_INT_DIGITS = 309

#: Marks digits and signs, and forgets the rest: a run of them is then found faster than by a pattern.
_DIGITS_AND_SIGNS = bytes(48 if 48 <= byte < 58 or byte == 45 else 32 for byte in range(256))
_DIGITS = bytes(48 if 48 <= byte < 58 else byte if byte == 45 else 32 for byte in range(256))
_POSITIVE = b"0" * 20
_NEGATIVE = b"-" + b"0" * 19
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1

Default = Callable[[Any], Any]


def loads(text: bytes) -> Any:
    """Read JSON that was written by `dumps`, every integer as it is."""
    return json.loads(text) if may_round(text) else orjson.loads(text)


def may_round(text: bytes) -> bool:
    """Whether orjson could round an integer of this text; may raise a false alarm, never misses one."""
    if _POSITIVE not in text.translate(_DIGITS_AND_SIGNS):
        return False
    digits = text.translate(_DIGITS)  # The run may be a line of dashes.
    return _POSITIVE in digits or _NEGATIVE in digits


def dumps(value: Any, *, default: Default | None = None, option: int = 0) -> bytes:
    """Write JSON as orjson does, integers beyond 64 bits included.

    Raises TypeError for what is not JSON, and for an integer that is too long to be kept.
    """
    try:
        return orjson.dumps(value, default, option)
    except TypeError as error:
        # Looked at by its text: orjson has one exception for all it refuses.
        if "64-bit" not in str(error):
            raise _named(error) from None
    try:
        return orjson.dumps(_spelled(value), _spelling(default), option)
    except (TypeError, RecursionError) as error:
        raise _named(error) from None


def _named(error: TypeError | RecursionError) -> TypeError:
    """Say how deep is too deep; every other refusal of orjson names what it found."""
    if isinstance(error, RecursionError) or "Recursion" in str(error):
        return TypeError(f"nested deeper than {MAX_DEPTH} levels")
    return error


def _spelling(default: Default | None) -> Default | None:
    return None if default is None else lambda value: _spelled(default(value))


def _spelled(value: Any) -> Any:
    """The same value with each long integer written out, for orjson to copy."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if _SMALLEST <= value <= _LARGEST else orjson.Fragment(_digits(value))
    if isinstance(value, dict):
        return {_key(key): _spelled(below) for key, below in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return [_spelled(below) for below in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _spelled(getattr(value, field.name)) for field in fields}
    return value


def _key(key: Any) -> Any:
    is_long = type(key) is int and not _SMALLEST <= key <= _LARGEST
    return _digits(key) if is_long else key


def _digits(value: int) -> str:
    if value.bit_length() > MAX_INT_BITS:
        raise TypeError(f"an integer of {value.bit_length():,} bits; at most {MAX_INT_BITS:,} are kept")
    return str(value)
