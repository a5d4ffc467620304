"""When cron expressions are due, around the changes of clocks too."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from orchestrator.definitions.cron import Cron


def due(expression: str, zone: str, after: str, count: int = 3) -> list[str]:
    """The times after a moment of that place, in its own time."""
    place = ZoneInfo(zone)
    start_ms = round(datetime.fromisoformat(after).replace(tzinfo=place).timestamp() * 1000)
    found = islice(Cron(expression, place).after(start_ms), count)
    return [datetime.fromtimestamp(ms / 1000, place).isoformat() for ms in found]


NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        # New York, 8 March 2026: 02:00 becomes 03:00.
        ("30 2 * * *", NEW_YORK, "2026-03-07T12:00",
         ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]),
        ("15,45 2 * * *", NEW_YORK, "2026-03-07T12:00",
         ["2026-03-08T03:00:00-04:00", "2026-03-09T02:15:00-04:00"]),
        ("0 2,3 * * *", NEW_YORK, "2026-03-07T12:00",
         ["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"]),
        # 1 November 2026: 02:00 becomes 01:00.
        ("30 1 * * *", NEW_YORK, "2026-10-31T12:00",
         ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]),
        ("30 * * * *", NEW_YORK, "2026-11-01T00:31",
         ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"]),
        # Berlin, 29 March and 25 October 2026.
        ("30 2 * * *", BERLIN, "2026-03-28T12:00",
         ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
        ("30 2 * * *", BERLIN, "2026-10-24T12:00",
         ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
        ("0 0 * * *", BERLIN, "2026-03-28T12:00",
         ["2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"]),
        # Lord Howe changes its clocks by half an hour: 4 October and 5 April 2026.
        ("15 2 * * *", LORD_HOWE, "2026-10-03T12:00",
         ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]),
        ("45 1 * * *", LORD_HOWE, "2026-04-04T12:00",
         ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]),
    ],
)  # fmt: skip
def test_a_time_in_the_gap_is_due_right_after_it_and_one_that_comes_twice_the_first_time(
    expression: str, zone: str, after: str, expected: list[str]
) -> None:
    assert due(expression, zone, after, 2) == expected


def test_a_search_that_begins_between_the_two_of_a_repeated_time_goes_on_to_the_next_day() -> None:
    # The second 01:10 of that night.
    after = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
    found = next(Cron("30 1 * * *", ZoneInfo("America/New_York")).after(round(after.timestamp() * 1000)))

    assert datetime.fromtimestamp(found / 1000, UTC) == datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


def test_aliases_stand_for_expressions() -> None:
    assert due("@daily", "UTC", "2026-06-01T12:00", 1) == ["2026-06-02T00:00:00+00:00"]
    assert due("@Hourly", "UTC", "2026-06-01T12:00", 1) == ["2026-06-01T13:00:00+00:00"]


def test_the_moment_itself_is_not_among_the_times_after_it() -> None:
    assert due("0 12 * * *", "UTC", "2026-06-01T12:00", 1) == ["2026-06-02T12:00:00+00:00"]
    assert due("0 12 * * *", "UTC", "2026-06-01T11:59:59.999", 1) == ["2026-06-01T12:00:00+00:00"]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("* * * *", "found 4 fields"),
        ("0 * * * * *", "found 6 fields"),
        ("0 0 8 * * MON", "seconds are no field of it"),
        ("61 * * * *", "minute must be 0-59; found '61'"),
        ("0 25 * 13 *", "hour must be 0-23; found '25'; month must be 1-12 or JAN-DEC; found '13'"),
        ("0 8 * * mo", r"day of week must be 0-7 or SUN-SAT .*, with '\*', lists .*; found 'mo'"),
        ("0 8 ? * *", r"day of month '\?': '\?' is written '\*' here"),
        ("0 8 * * FRI-MON", "ends before it begins; for one that goes round write FRI-SAT,SUN-MON"),
        ("0 22-5 * * *", "write 22-23,0-5"),
        ("1, * * * *", "minute '1,': a value is missing beside a comma"),
        ("0 0 31 2 *", "'0 0 31 2 [*]' is never due: day of month '31', but February has 29 days at most"),
        ("0 0 31 4,6 *", "April, June have 30 days at most"),
        ("@every 5m", "use 'every'"),
        ("@soon", "@weekly"),
        ("*/0 * * * *", r"minute '\*/0': the step must be a whole number from 1, found '0'"),
        ("1," * 200 + "1 * * * *", "characters"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_reason(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Cron(expression, ZoneInfo("UTC"))


def test_a_range_that_goes_round_is_due_as_the_refusal_says_to_write_it() -> None:
    assert due("0 22-23,0-1 * * *", "UTC", "2026-06-01T21:00", 4) == [
        "2026-06-01T22:00:00+00:00",
        "2026-06-01T23:00:00+00:00",
        "2026-06-02T00:00:00+00:00",
        "2026-06-02T01:00:00+00:00",
    ]
