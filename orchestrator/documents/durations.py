"""Read durations as people write them: seconds as a number, or `30s`, `5m`, `1h30m`, `250ms`, `2d`."""

from __future__ import annotations

import re
from typing import Any

from headrace.wording import kind_of

#: Longest duration accepted, 10 years; keeps every due time inside the integers Redis and Lua hold exactly.
MAX_DURATION_MS = 10 * 365 * 86_400_000

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_ORDER = ("d", "h", "m", "s", "ms")
_ALLOWED = "allowed: seconds, or '250ms', '30s', '5m', '1h30m', '2d'"
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|[dhms])", re.ASCII)
_PLAIN = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)


def parse_duration_ms(value: Any, *, minimum_ms: int = 0) -> int:
    """Turn a duration into whole milliseconds.

    value  int or float seconds, or text of parts in falling order, each unit once (`1h30m`).
    Raises ValueError with a message that says what was found and what is allowed.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"expected a duration, got {kind_of(value)}; {_ALLOWED}")
    millis = _text_ms(value) if isinstance(value, str) else _number_ms(value)
    if millis > MAX_DURATION_MS:
        raise ValueError(f"{_shown(value)} is longer than the allowed 10 years")
    if millis < minimum_ms:
        raise ValueError(f"{_shown(value)} is shorter than the allowed {minimum_ms} ms")
    return millis


def _number_ms(value: int | float) -> int:
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"expected a finite number of seconds, got {value}")
    if value < 0:
        raise ValueError(f"{_shown(value)} is negative; a duration is zero or more")
    if value > MAX_DURATION_MS:  # before the multiplication, which a huge int would make slow
        raise ValueError(f"{_shown(value)} is longer than the allowed 10 years")
    return round(value * 1_000)


def _text_ms(value: str) -> int:
    text = value.strip()
    if _PLAIN.fullmatch(text):
        return _number_ms(float(text))
    total, position, last = 0.0, 0, -1
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or _ORDER.index(part[2]) <= last:
            raise ValueError(f"{_shown(value)} is not a duration; {_ALLOWED}")
        total += float(part[1]) * _UNIT_MS[part[2]]
        last = _ORDER.index(part[2])
        position = part.end()
    if not text:
        raise ValueError(f"an empty text is not a duration; {_ALLOWED}")
    return round(total)


def _shown(value: Any) -> str:
    if isinstance(value, int) and abs(value) >= 10**20:  # printing a huge int is slow and may be refused
        return "that number"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…'"
