"""Times as people read them, by the clock of the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.modules import Module

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


@pytest.fixture
def times(module: Callable[[str], Module]) -> Module:
    return module("core/time.js")


def test_durations_are_written_in_two_units_at_most(times: Module) -> None:
    written = times.each(
        "duration",
        (None,),
        (-5,),
        (850,),
        (12_340,),
        (59_999,),
        (MINUTE * 4 + SECOND * 5,),
        (HOUR * 3,),
        (HOUR * 52,),
    )

    assert written == ["", "0 ms", "850 ms", "12.3 s", "59.9 s", "4 min 05 s", "3 h 00 min", "2 d 4 h"]


def test_what_ticks_has_whole_seconds(times: Module) -> None:
    ticking = {"isTicking": True}

    assert times.each("duration", (850, ticking), (12_940, ticking)) == ["0 s", "12 s"]


def test_moments_are_near_or_far(times: Module) -> None:
    now = HOUR * 1_000
    distances = [0, 1_500, 12 * SECOND, 4 * MINUTE, 3 * HOUR, 50 * HOUR]

    assert times.each("relative", *((now - each, now) for each in distances)) == [
        "just now",
        "just now",
        "12 s ago",
        "4 min ago",
        "3 h ago",
        "2 d ago",
    ]
    assert times.each("relative", (now + 4 * MINUTE, now), (None, now)) == ["in 4 min", ""]


def test_moments_are_read_and_written_whole(times: Module) -> None:
    at = times.call("milliseconds", "2026-11-29T08:14:05.120Z")

    assert times.call("moment", at) == "2026-11-29 08:14:05.120"
    assert times.each("milliseconds", (None,), ("",), ("soon",)) == [None, None, None]


def test_the_clock_is_that_of_the_server(times: Module) -> None:
    an_hour_on = "new Date(Date.now() + 3_600_000).toUTCString()"

    ahead = times.run(f"(time) => {{ time.setClockBy({an_hour_on}); return time.serverNow() - Date.now(); }}")
    assert abs(ahead - HOUR) < 2 * SECOND
    # Neither an answer without a date nor one that differs by the rounding moves it.
    same = times.run(
        "(time) => { time.setClockBy(null); time.setClockBy('?');"
        f" time.setClockBy({an_hour_on}); return time.serverNow() - Date.now(); }}"
    )
    assert same == ahead
