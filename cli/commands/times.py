"""Moments and ages as they are written on the command line. What names no time zone is in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

#: In the help of each option that takes a moment, and all that may be written.
EXAMPLES = "2026-11-01, 2026-11-01T08:30, yesterday, -2d, +2d; in UTC if no zone is named"
#: The same of an option that takes one in the past.
PAST = "2026-11-01, 2026-11-01T08:30, yesterday, 2d (ago); in UTC if no zone is named"
ALLOWED = (
    "2026-11-01, 2026-11-01T08:30 (UTC, or with a zone), now, today, yesterday, tomorrow, -2d, 2d ago, +2d"
)
#: The same, where a bare age is one in the past.
ALLOWED_PAST = "2026-11-01, 2026-11-01T08:30 (UTC, or with a zone), now, today, yesterday, 2h, 1d12h"
_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_is_age = re.compile(r"(\d+[smhdw])+").fullmatch
#: Days by name, from today.
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def read_time(text: str, *, now: datetime | None = None, allowed: str = ALLOWED) -> datetime:
    """Read a moment: ISO 8601, `now`, a day by name, which is its beginning, `-2d`, `+2d` or `2d ago`.

    allowed  what an error says that may be written.
    Raises typer.BadParameter.
    """
    word, now = text.strip().lower(), now or datetime.now(UTC)
    try:
        if word == "now":
            return now
        if word in _DAYS:
            today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            return today + timedelta(days=_DAYS[word])
        if word.endswith("ago"):
            return now - read_age(word.removesuffix("ago").strip())
        if word.startswith(("-", "+")) and _is_age(word[1:]):
            age = read_age(word[1:])
            return now - age if word[0] == "-" else now + age
        # `Z` and `T` in small letters are taken as well.
        found = datetime.fromisoformat(word.upper())
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time; allowed: {allowed}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def read_past(text: str, *, now: datetime | None = None) -> datetime:
    """Read a moment where one in the past is meant: a bare age, `2h`, is so long ago.

    Raises typer.BadParameter.
    """
    word = text.strip().lower()
    return read_time(f"-{word}" if _is_age(word) else text, now=now, allowed=ALLOWED_PAST)


def read_age(text: str) -> timedelta:
    """Read `30d`, `12h`, `1d12h`. Raises ValueError."""
    if not _is_age(text):
        raise ValueError(f"{text!r} is no age; allowed: 30d, 12h, 1d12h, 90m, 2w")
    parts = re.findall(r"(\d+)([smhdw])", text)
    try:
        return timedelta(seconds=sum(int(number) * _UNIT_S[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError(f"{text!r} is longer than anything has been kept") from None


def rfc3339(moment: datetime | None) -> str | None:
    """A moment as the API takes it."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def time_option(name: str, help_text: str, **more: Any) -> Any:
    """Declare an option that takes a moment, which may be one to come."""
    return typer.Option(name, metavar="TIME", parser=read_time, help=f"{help_text}: {EXAMPLES}.", **more)


def past_option(name: str, help_text: str, **more: Any) -> Any:
    """Declare an option that takes a moment in the past."""
    return typer.Option(name, metavar="TIME", parser=read_past, help=f"{help_text}: {PAST}.", **more)


SinceOption = Annotated[datetime | None, past_option("--since", "Only those made at this time or later")]
UntilOption = Annotated[datetime | None, past_option("--until", "Only those made before this time")]
EndedSinceOption = Annotated[
    datetime | None, past_option("--ended-since", "Only those that ended at this time or later")
]
EndedUntilOption = Annotated[
    datetime | None, past_option("--ended-until", "Only those that ended by this time")
]
