"""Points in time as texts: RFC 3339, in UTC where they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any


def rfc3339(time_ms: int) -> str:
    """Write Unix epoch milliseconds as `2026-11-20T08:15:30.123Z`."""
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_to_the_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=1024)
def _to_the_second(seconds: int) -> str:
    # Events come in bursts: most calls are for the second of the call before.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def parse_time_ms(value: Any) -> int:
    """Read a point in time as Unix epoch ms; a number is seconds, a text without a time zone is UTC.

    Raises ValueError.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounded(value * 1000, value)
    try:
        moment = datetime.fromisoformat(value.strip())
    except (ValueError, AttributeError):
        raise ValueError(f"{value!r} is not a time; use RFC 3339 such as '2027-01-31T09:00:00Z'") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _bounded(moment.timestamp() * 1000, value)


def _bounded(value_ms: float, given: Any) -> int:
    # Up to the year 9999; the comparison is also false for NaN.
    if not 0 <= value_ms < 253_402_300_800_000:
        raise ValueError(f"{given!r} is not a time between 1970 and 9999")
    return int(value_ms)
