"""Points in time in templates: read them, move them, and write them in any format.

Nothing is left to the platform's `strftime`: its directives differ from one system to the next, and it builds
a gigabyte for `%999999999d`.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from headrace.wording import did_you_mean, kind_of
from orchestrator.documents.zones import zone_hint
from orchestrator.templates.budget import join_parts
from orchestrator.templates.values import EvaluationError, number_given, text_given

#: Characters of a text that is read as a time, and of a format.
MAX_TIME = 64
MAX_FORMAT = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALLOWED = "allowed: RFC 3339 such as '2027-01-31T09:00:00Z', or seconds since 1970"
_RANGE = "gives a time outside of the years 1 to 9999"

_FIXED = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds")
_CALENDAR = ("years", "months")
#: What `date_add` takes.
UNITS = (*_CALENDAR, *_FIXED)

Writer = Callable[[datetime], str]


def moment_of(value: Any) -> datetime:
    """Read a point in time: RFC 3339, where a text without a time zone is UTC, or seconds since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return _EPOCH + timedelta(seconds=value)
        except (OverflowError, ValueError):
            raise EvaluationError(_RANGE) from None
    if not isinstance(value, str):
        raise EvaluationError(f"expected a time, got {kind_of(value)}; {_ALLOWED}")
    try:
        moment = datetime.fromisoformat(value.strip()[: MAX_TIME + 1])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except ValueError:
        raise EvaluationError(f"{value[:MAX_TIME]!r} is not a time; {_ALLOWED}") from None
    except OverflowError:
        raise EvaluationError(_RANGE) from None


def date_add(value: Any, **amounts: Any) -> str:
    """Move a time and give it as `now()` does: RFC 3339, UTC, milliseconds.

    amounts  numbers by UNITS, less than zero to go back. Years and months come first, are whole numbers, and
             end on the last day of a month that is too short.
    """
    moment = moment_of(value)
    if not amounts:
        raise EvaluationError(f"takes at least one of {', '.join(UNITS)}")
    for unit, amount in amounts.items():
        if unit not in UNITS:
            hint = did_you_mean(unit[:64], UNITS)
            raise EvaluationError(
                f"has no {unit[:64]!r} (allowed: {', '.join(UNITS)})" + (f"; {hint}" if hint else "")
            )
        if unit in _CALENDAR and int(number_given(amount)) != amount:
            raise EvaluationError(f"takes whole {unit}, got {amount}")
    try:
        months = 12 * int(amounts.get("years", 0)) + int(amounts.get("months", 0))
        moment = _by_months(moment, months) if months else moment
        moment += timedelta(**{unit: number_given(amounts[unit]) for unit in _FIXED if unit in amounts})
    except (OverflowError, ValueError) as error:
        if isinstance(error, EvaluationError):
            raise
        raise EvaluationError(_RANGE) from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _by_months(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise EvaluationError(_RANGE)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def strftime(value: Any, format: Any, tz: Any = "UTC") -> str:
    """Write a time in a format of `%` directives, in a time zone. Names of days and months are English."""
    written = check_format(text_given(format))
    try:
        moment = moment_of(value).astimezone(zone_of(text_given(tz)))
    except OverflowError:
        raise EvaluationError(_RANGE) from None
    return join_parts(part if isinstance(part, str) else part(moment) for part in written)


def zone_of(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name. Raises EvaluationError."""
    try:
        return ZoneInfo(name[:100])
    except (ValueError, OSError, LookupError):  # LookupError: ZoneInfoNotFoundError
        meant = zone_hint(name[:100]) or "allowed: IANA names such as 'Europe/Berlin' or 'UTC'"
        raise EvaluationError(f"there is no time zone {name[:100]!r}; {meant}") from None


@lru_cache(maxsize=256)
def check_format(format: str) -> tuple[str | Writer, ...]:
    """Take a format apart into text and what writes each directive. Raises EvaluationError."""
    if len(format) > MAX_FORMAT:
        raise EvaluationError(f"takes a format of at most {MAX_FORMAT:,} characters, got {len(format):,}")
    parts: list[str | Writer] = []
    end = 0
    for found in _DIRECTIVE.finditer(format):
        parts.append(format[end : found.start()])
        parts.append(_writer(found[0], is_bare=found[1] == "-", letter=found[2]))
        end = found.end()
    return (*parts, format[end:])


def _writer(directive: str, *, is_bare: bool, letter: str) -> Writer:
    write = _DIRECTIVES.get(letter)
    if write is None or (is_bare and letter not in _NUMBERS):
        known = " ".join(f"%{name}" for name in _DIRECTIVES)
        raise EvaluationError(f"the format has {directive!r} (allowed: {known}, and %-d without zeros)")
    if is_bare:
        return lambda moment: write(moment).lstrip("0 ") or "0"
    return write


_DIRECTIVE = re.compile(r"%(-?)(:z|.|$)", re.DOTALL)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
#: Directives of which `-` takes leading zeros away.
_NUMBERS = frozenset("dejmuwyHIMSUVWYG")


def _offset(moment: datetime, colon: str = "") -> str:
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    hours, minutes_left = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{colon}{minutes_left:02d}"


def _week(moment: datetime, days_before: int) -> int:
    """Number the weeks of a year from its first day of the kind that begins them."""
    return (moment.timetuple().tm_yday + 6 - days_before) // 7


_DIRECTIVES: Mapping[str, Writer] = {
    "a": lambda moment: _DAYS[moment.weekday()][:3],
    "A": lambda moment: _DAYS[moment.weekday()],
    "b": lambda moment: _MONTHS[moment.month - 1][:3],
    "B": lambda moment: _MONTHS[moment.month - 1],
    "d": lambda moment: f"{moment.day:02d}",
    "e": lambda moment: f"{moment.day:2d}",
    "f": lambda moment: f"{moment.microsecond:06d}",
    "F": lambda moment: f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}",
    "G": lambda moment: f"{moment.isocalendar().year:04d}",
    "H": lambda moment: f"{moment.hour:02d}",
    "I": lambda moment: f"{(moment.hour + 11) % 12 + 1:02d}",
    "j": lambda moment: f"{moment.timetuple().tm_yday:03d}",
    "m": lambda moment: f"{moment.month:02d}",
    "M": lambda moment: f"{moment.minute:02d}",
    "p": lambda moment: "AM" if moment.hour < 12 else "PM",
    "s": lambda moment: str((moment - _EPOCH) // timedelta(seconds=1)),
    "S": lambda moment: f"{moment.second:02d}",
    "T": lambda moment: f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}",
    "u": lambda moment: str(moment.isoweekday()),
    "U": lambda moment: f"{_week(moment, moment.isoweekday() % 7):02d}",
    "V": lambda moment: f"{moment.isocalendar().week:02d}",
    "w": lambda moment: str(moment.isoweekday() % 7),
    "W": lambda moment: f"{_week(moment, moment.weekday()):02d}",
    "y": lambda moment: f"{moment.year % 100:02d}",
    "Y": lambda moment: f"{moment.year:04d}",
    "z": _offset,
    ":z": lambda moment: _offset(moment, ":"),
    "Z": lambda moment: (moment.tzname() or "UTC")[:16],
    "%": lambda moment: "%",
}
