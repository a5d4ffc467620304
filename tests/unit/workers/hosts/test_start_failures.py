"""After hosts that do not load, the next start comes ever later."""

from __future__ import annotations

from workers.hosts.start_failures import StartFailures


def test_pauses_grow_to_half_a_minute() -> None:
    failures = StartFailures()

    assert [round(failures.add(0.0), 1) for _ in range(7)] == [0.2, 0.6, 1.8, 5.4, 16.2, 30.0, 30.0]


def test_a_module_that_fails_at_once_is_started_five_times_in_ten_seconds_at_most() -> None:
    failures, now_s, starts = StartFailures(), 0.0, 0

    while now_s < 10:
        starts += 1
        failures.add(now_s)
        now_s += max(0.0, failures.wait_s(now_s))

    assert starts <= 5


def test_after_one_that_loads_the_next_may_start_at_once() -> None:
    failures = StartFailures()
    failures.add(5.0)

    failures.clear()

    assert failures.count == 0
    assert failures.wait_s(5.0) <= 0
