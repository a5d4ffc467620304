"""What a schedule does at a moment, for each policy of what was missed."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.schedule_turns import Turn, turn_of
from orchestrator.definitions.schedules import stored_schedule

MINUTE, HOUR = 60_000, 3_600_000


def turn(next_slot: int, now_ms: int, **rule: Any) -> tuple[int | None, int, int | None] | None:
    """The slot that starts, how many are let go before it, and the slot that comes next."""
    found = turn_of(stored_schedule({"every": "1m"} | rule), "sch_a", next_slot, now_ms)
    if found is None:
        return None
    assert isinstance(found, Turn)
    return found.slot, found.missed, found.next_slot


def test_nothing_is_done_before_a_slot_is_due() -> None:
    assert turn(MINUTE, MINUTE - 1) is None
    assert turn(MINUTE, MINUTE) == (MINUTE, 0, 2 * MINUTE)


@pytest.mark.parametrize("policy", ["none", "latest", "all"])
def test_a_slot_a_little_late_is_on_time_for_every_policy(policy: str) -> None:
    assert turn(MINUTE, MINUTE + 10_000, catchup_policy=policy) == (MINUTE, 0, 2 * MINUTE)


def test_slots_that_are_on_time_start_one_after_the_other() -> None:
    assert turn(1_000, 5_000, every="1s", catchup_policy="none") == (1_000, 0, 2_000)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("none", (None, 5, 6 * MINUTE)),
        ("latest", (5 * MINUTE, 4, 6 * MINUTE)),
        ("all", (MINUTE, 0, 2 * MINUTE)),
    ],
)
def test_slots_that_are_late_are_let_go_or_caught_up(
    policy: str, expected: tuple[int | None, int, int]
) -> None:
    assert turn(MINUTE, 5 * MINUTE + 30_000, catchup_policy=policy) == expected


def test_one_that_is_on_time_takes_the_place_of_those_that_are_late() -> None:
    assert turn(MINUTE, 5 * MINUTE + 1_000, catchup_policy="latest") == (5 * MINUTE, 4, 6 * MINUTE)


def test_what_lies_before_the_window_is_let_go_at_once() -> None:
    rule = {"catchup_policy": "all", "catchup_window": "5m"}

    assert turn(MINUTE, HOUR, **rule) == (None, 1, 55 * MINUTE)
    assert turn(55 * MINUTE, HOUR, **rule) == (55 * MINUTE, 0, 56 * MINUTE)


def test_more_slots_than_one_turn_looks_at_are_let_go_in_several() -> None:
    now_ms = 599_000
    rule = {"every": "1s", "catchup_policy": "latest"}

    first = turn(1_000, now_ms, **rule)
    assert first == (None, 200, 201_000)
    second = turn(201_000, now_ms, **rule)
    assert second == (None, 200, 401_000)
    assert turn(401_000, now_ms, **rule) == (589_000, 188, 590_000)


def test_the_last_slot_has_none_after_it() -> None:
    rule = {"start_at": "1970-01-01T00:01:00Z", "end_at": "1970-01-01T00:02:00Z"}

    assert turn(2 * MINUTE, 2 * MINUTE, **rule) == (2 * MINUTE, 0, None)
    assert turn(MINUTE, 10 * MINUTE, **rule) == (2 * MINUTE, 1, None)


def test_with_jitter_slots_keep_their_order() -> None:
    spec = stored_schedule({"cron": "* * * * *", "jitter": "10m", "catchup_policy": "all"})
    slot, seen = MINUTE, []

    for now_ms in range(0, HOUR, 1_000):
        while (found := turn_of(spec, "sch_a", slot, now_ms)) is not None:
            assert found.slot == slot
            assert now_ms >= spec.due_ms("sch_a", slot)
            seen.append(slot)
            assert found.next_slot is not None
            slot = found.next_slot

    assert seen == sorted(set(seen))
    assert len(seen) >= 49
