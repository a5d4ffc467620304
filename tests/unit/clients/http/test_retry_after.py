"""`Retry-After` in every form that servers write it, on a machine in any time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from clients.http.retry_after import MOST_S, read_seconds, retry_after_s

#: Friday, 27 November 2026, 21:20:00 GMT.
NOW_S = 1_795_814_400.0


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Kolkata"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "form",
    [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y",
        "%a, %d %b %Y %H:%M:%S",
        "%d %b %Y %H:%M:%S",
        "%A, %d-%b-%y %H:%M:%S",
        "%a, %d %b %Y %H:%M:%S +0000",
        "%a, %d %b %Y %H:%M:%S -0000",
        "%a, %d %b %Y %H:%M:%S UTC",
        "  %a, %d %b %Y %H:%M:%S gmt ",
    ],
)
def test_a_date_is_gmt_in_all_its_forms_and_in_every_zone(zone: str, form: str) -> None:
    assert retry_after_s(time.strftime(form, time.gmtime(NOW_S + 3)), now_s=NOW_S) == 3.0


def test_a_zone_that_is_written_counts(zone: str) -> None:
    assert retry_after_s("Fri, 27 Nov 2026 16:20:03 -0500", now_s=NOW_S) == 3.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0.0), ("8", 8.0), (" 8 ", 8.0), ("0.25", 0.25), ("86401", MOST_S), ("9" * 60, MOST_S),
     ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("Fri, 31 Dec 9999 23:59:59 GMT", MOST_S),
     ("Fri, 27 Nov 2026 21:20:60 GMT", 59.0), ("Friday, 27-Nov-26 21:20:05 GMT", 5.0)],
)  # fmt: skip
def test_a_wait_lies_between_nothing_and_a_day(value: str, seconds: float) -> None:
    assert retry_after_s(value, now_s=NOW_S) == seconds


@pytest.mark.parametrize(
    "value",
    [None, "", " ", "-1", "-0.5", "+5", "inf", "Infinity", "-inf", "nan", "1e400", "1e3", "0x10", "1_000",
     "5s", "٣", "soon", "9" * 1000, "Fri, 32 Nov 2026 21:20:00 GMT", "Fri, 27 Nov 2026 25:20:00 GMT",
     "Fri, 27 Nov 99999 21:20:00 GMT", "Fri, 27 Nov 2026 21:20:00 +9999", "Fri", "\0", "8, 9"],
)  # fmt: skip
def test_nonsense_is_nothing(value: str | None) -> None:
    assert retry_after_s(value, now_s=NOW_S) is None


@pytest.mark.parametrize(("value", "seconds"), [("1500", 1.5), ("99999999999", MOST_S), ("soon", None)])
def test_a_number_may_count_another_unit(value: str, seconds: float | None) -> None:
    assert read_seconds(value, unit_s=0.001) == seconds
