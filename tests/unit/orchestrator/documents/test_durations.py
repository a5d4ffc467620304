from typing import Any

import pytest

from orchestrator.documents.durations import parse_duration_ms


@pytest.mark.parametrize(
    ("written", "millis"),
    [
        (30, 30_000),
        (0, 0),
        (1.5, 1_500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("250ms", 250),
        ("1.5s", 1_500),
        ("2d", 172_800_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("15", 15_000),
    ],
)
def test_durations_are_read_as_people_write_them(written: Any, millis: int) -> None:
    assert parse_duration_ms(written) == millis


@pytest.mark.parametrize(
    "written",
    [
        "",
        "s",
        "5 m",
        "m5",
        "30m1h",
        "5m5m",
        "-5s",
        -1,
        True,
        None,
        [],
        float("nan"),
        float("inf"),
        10**400,
        "9" * 50,
        "11y",
        "99999d",
        "٣s",
    ],
)
def test_what_is_not_a_duration_is_refused(written: Any) -> None:
    with pytest.raises(ValueError):
        parse_duration_ms(written)


def test_a_minimum_is_kept() -> None:
    with pytest.raises(ValueError, match="shorter than the allowed 1 ms"):
        parse_duration_ms(0, minimum_ms=1)
