"""Points in time as texts."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.documents.times import parse_time_ms, rfc3339


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_795_939_200_123) == "2026-11-29T08:00:00.123Z"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:10Z", 10_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:01", 1000),
        (2.5, 2500),
    ],
)
def test_a_moment_is_read_in_its_zone(value: Any, expected: int) -> None:
    assert parse_time_ms(value) == expected


@pytest.mark.parametrize("value", ["", "12:00", True, [], -1, float("nan"), float("inf"), 10**15])
def test_what_is_no_moment_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_time_ms(value)
