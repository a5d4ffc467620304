"""Times on the wire."""

from datetime import datetime

import pytest

from api.schemas.times import milliseconds, rfc3339


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_007, "2023-11-14T22:13:20.007Z"),
        (1_795_161_600_999, "2026-11-20T08:00:00.999Z"),
        (None, None),
    ],
)
def test_redis_milliseconds_are_written_as_utc(time_ms: int | None, text: str | None) -> None:
    assert rfc3339(time_ms) == text


@pytest.mark.parametrize(
    "text", ["2026-11-20T08:00:00.123Z", "2026-11-20T09:00:00.123+01:00", "2026-11-20T08:00:00.123"]
)
def test_times_are_read_in_any_zone_and_as_utc_without_one(text: str) -> None:
    assert milliseconds(datetime.fromisoformat(text)) == 1_795_161_600_123
