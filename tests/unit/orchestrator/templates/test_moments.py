"""Points in time in templates: `date_add` and `strftime`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.times import rfc3339
from orchestrator.templates.moments import MAX_FORMAT, date_add, strftime
from orchestrator.templates.values import EvaluationError

NOW = "2026-11-20T08:15:30.123Z"


@pytest.mark.parametrize(
    ("time", "amounts", "result"),
    [
        (NOW, {"days": -1}, "2026-11-19T08:15:30.123Z"),
        (NOW, {"weeks": 1, "hours": 1.5, "milliseconds": 1}, "2026-11-27T09:45:30.124Z"),
        ("2028-01-31", {"months": 1}, "2028-02-29T00:00:00.000Z"),
        ("2028-02-29", {"years": 1}, "2029-02-28T00:00:00.000Z"),
        ("2026-03-31", {"months": -13}, "2025-02-28T00:00:00.000Z"),
        ("2026-12-31", {"months": 2, "days": 1}, "2027-03-01T00:00:00.000Z"),
        ("2026-11-20T08:15:30+02:00", {"seconds": 0}, "2026-11-20T06:15:30.000Z"),
        ("1815-12-10", {"days": 1}, "1815-12-11T00:00:00.000Z"),
        (1_795_910_400.5, {"days": 1}, "2026-11-30T00:00:00.500Z"),
        (0, {"seconds": -1}, "1969-12-31T23:59:59.000Z"),
    ],
)
def test_a_time_is_moved_and_written_as_now_is(time: Any, amounts: dict[str, Any], result: str) -> None:
    assert date_add(time, **amounts) == result


@pytest.mark.parametrize(
    ("time", "amounts", "words"),
    [
        ("yesterday", {"days": 1}, r"'yesterday' is not a time; allowed: RFC 3339 such as"),
        ("2026-02-30", {"days": 1}, "is not a time"),
        ("9" * 100_000, {"days": 1}, "is not a time"),
        (None, {"days": 1}, "expected a time, got null"),
        (True, {"days": 1}, "expected a time, got true or false"),
        (10**400, {"days": 1}, "outside of the years 1 to 9999"),
        (NOW, {}, "at least one of years, months, weeks"),
        (NOW, {"dayz": 1}, r"has no 'dayz' \(allowed: years, .*did you mean 'days'"),
        (NOW, {"days": "1"}, "expected a number, got text"),
        (NOW, {"months": 0.5}, "takes whole months, got 0.5"),
        (NOW, {"days": 10**400}, "outside of the years"),
        (NOW, {"months": 10**400}, "outside of the years"),
        (NOW, {"years": -2026}, "outside of the years"),
        (NOW, {"milliseconds": 10**15}, "outside of the years"),
    ],
)
def test_what_is_no_time_or_leads_out_of_it_is_named(time: Any, amounts: dict[str, Any], words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        date_add(time, **amounts)


@pytest.mark.parametrize(
    ("format", "zone", "result"),
    [
        ("%Y-%m-%d", "UTC", "2026-11-20"),
        ("%-d.%-m.%y %-H:%M %p", "UTC", "20.11.26 8:15 AM"),
        ("%FT%T%:z", "Europe/Berlin", "2026-11-20T09:15:30+01:00"),
        ("%H:%M %Z %z", "America/New_York", "03:15 EST -0500"),
        ("100 %%", "UTC", "100 %"),
        ("", "UTC", ""),
    ],
)
def test_a_time_is_written_in_a_format_and_a_zone(format: str, zone: str, result: str) -> None:
    assert strftime(NOW, format, zone) == result


@pytest.mark.parametrize(
    ("format", "zone", "words"),
    [
        ("%Q", "UTC", r"the format has '%Q' \(allowed: %a %A"),
        ("%999999999d", "UTC", "the format has '%9'"),
        ("%-A", "UTC", "the format has '%-A'"),
        ("100 %", "UTC", "the format has '%'"),
        ("%c", "UTC", "the format has '%c'"),
        ("%Y" * MAX_FORMAT, "UTC", "at most 1,000 characters, got 2,000"),
        ("%Y", "Europe/Berln", "no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'"),
        ("%Y", "../../etc/passwd", "no time zone .*; allowed: IANA names"),
        ("%Y", "x" * 1_000_000, "no time zone"),
        ("%Y", "a\0b", "no time zone"),
        (5, "UTC", "expected text, got a number"),
    ],
)
def test_a_format_or_zone_that_is_none_is_named(format: Any, zone: str, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        strftime(NOW, format, zone)


@settings(deadline=None, max_examples=300)
@given(st.integers(-30_000_000_000, 253_000_000_000_000_000))
def test_every_directive_is_what_the_c_library_writes(microseconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    format = "%a %A %b %B %d %H %I %j %m %M %p %S %U %V %w %u %W %y %Y %G %f %z %Z %%"

    assert strftime(moment.isoformat(), format) == moment.strftime(format)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 253_402_300_799_999 - 86_400_000), st.integers(-1_000, 1_000))
def test_what_is_moved_there_and_back_is_what_it_was(time_ms: int, days: int) -> None:
    time = rfc3339(time_ms)
    moved_ms = time_ms + timedelta(days=days) // timedelta(milliseconds=1)
    if not 0 <= moved_ms <= 253_402_300_799_999:
        return

    assert date_add(time, days=days) == rfc3339(moved_ms)
    assert date_add(date_add(time, days=days), days=-days) == time
