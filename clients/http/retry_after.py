"""Read `Retry-After`, by which a server says when to come back: seconds, or an HTTP date in any form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

#: The longest wait that a server is believed, one day.
MOST_S = 86_400.0
#: The longest date has 33 characters; what is longer is not read at all.
_MOST_CHARS = 64
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)


def retry_after_s(value: str | None, *, now_s: float) -> float | None:
    """Give the seconds to wait, from 0 to a day; None for no header, and for what is neither number nor date.

    A date without a zone is GMT, as every HTTP date is, wherever the worker stands.
    """
    if value is None or len(value) > _MOST_CHARS:
        return None
    if (seconds := read_seconds(value)) is not None:
        return seconds
    moment = _moment(value)
    return None if moment is None else min(max(0.0, moment.timestamp() - now_s), MOST_S)


def read_seconds(value: str | None, *, unit_s: float = 1.0) -> float | None:
    """Give a plain number of units as seconds, at most a day; None for anything else."""
    if value is None or not _NUMBER.fullmatch(text := value.strip()):
        return None
    return min(float(text) * unit_s, MOST_S)


def _moment(text: str) -> datetime | None:
    try:
        # The parser reads `Friday, 27-Nov-26 21:20:00` only with a zone behind it.
        parsed = parsedate_tz(text) or parsedate_tz(f"{text} GMT")
        if parsed is None:
            return None
        year, month, day, hour, minute, second = parsed[:6]
        offset_s = parsed[9]
        zone = timezone(timedelta(seconds=offset_s)) if offset_s else UTC
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
