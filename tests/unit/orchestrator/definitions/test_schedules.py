"""Schedules as their writers give them: their slots, and what is wrong with them."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from orchestrator.definitions.schedules import (
    CatchupPolicy,
    OverlapPolicy,
    given_fields,
    read_schedule,
    stored_schedule,
)
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings

MINUTE, HOUR = 60_000, 3_600_000


def problems(**raw: Any) -> dict[str, str]:
    """What is wrong with a schedule, by the place."""
    findings = Findings(Limits())
    assert (read_schedule(Fields(raw, "", findings)) is None) == bool(findings.problems)
    return {problem.path: problem.message for problem in findings.problems}


def test_what_is_not_said_has_a_default() -> None:
    spec = stored_schedule({"every": "5m"})

    assert (spec.overlap, spec.catchup) == (OverlapPolicy.SKIP, CatchupPolicy.LATEST)
    assert (spec.catchup_window_ms, spec.jitter_ms, spec.max_runs) == (HOUR, 0, None)
    assert not spec.pauses_on_failure


def test_an_interval_counts_from_the_epoch_or_from_its_start() -> None:
    plain, anchored = {"every": "7m"}, {"every": "7m", "start_at": "1970-01-01T00:03:00Z"}

    assert list(islice(stored_schedule(plain).slots(0), 2)) == [7 * MINUTE, 14 * MINUTE]
    assert list(islice(stored_schedule(anchored).slots(0), 2)) == [3 * MINUTE, 10 * MINUTE]


def test_no_slot_lies_outside_its_window() -> None:
    spec = stored_schedule(
        {"cron": "*/10 * * * *", "start_at": "1970-01-01T01:00:00Z", "end_at": "1970-01-01T01:20:00+00:00"}
    )

    assert list(spec.slots(0)) == [HOUR, HOUR + 10 * MINUTE, HOUR + 20 * MINUTE]
    assert spec.next_slot(HOUR + 20 * MINUTE) is None
    assert next(spec.unbounded_slots(0)) == 10 * MINUTE


def test_a_slot_is_due_at_the_same_moment_each_time_it_is_asked() -> None:
    spec = stored_schedule({"every": "1h", "jitter": "10m"})
    slots = list(islice(spec.slots(0), 200))

    moved = [spec.due_ms("sch_a", slot) - slot for slot in slots]

    assert moved == [spec.due_ms("sch_a", slot) - slot for slot in slots]
    assert moved != [spec.due_ms("sch_b", slot) - slot for slot in slots]
    assert 0 <= min(moved) <= MINUTE
    assert 9 * MINUTE <= max(moved) <= 10 * MINUTE


@pytest.mark.parametrize(
    ("raw", "place", "said"),
    [
        ({}, "cron", "a schedule needs 'cron'"),
        ({"cron": "@daily", "every": "5m"}, "every", "keep one"),
        ({"cron": 5}, "cron", "must be text"),
        ({"cron": "x"}, "cron", "five fields"),
        ({"every": "10ms"}, "every", "1000 ms"),
        ({"every": "soon"}, "every", "is not a duration"),
        ({"every": "5m", "timezone": "Mars/Olympus"}, "timezone", "IANA"),
        ({"every": "5m", "timezone": "../../etc/passwd"}, "timezone", "IANA"),
        ({"every": "5m", "timezone": 1}, "timezone", "must be text"),
        ({"every": "5m", "inputs": [1]}, "inputs", "an object"),
        ({"every": "5m", "overlap_policy": "none"}, "overlap_policy", "skip"),
        ({"every": "5m", "catchup_policy": "skip"}, "catchup_policy", "latest"),
        ({"every": "5m", "jitter": "5m"}, "jitter", "shorter than 'every'"),
        ({"every": "5m", "start_at": 5}, "start_at", "2027-01-31T09:00:00Z"),
        ({"every": "5m", "start_at": "soon"}, "start_at", "is not a time"),
        ({"every": "5m", "start_at": "2027-01-01", "end_at": "2026-01-01"}, "end_at", "after 'start_at'"),
        ({"every": "5m", "max_runs": 0}, "max_runs", "whole number"),
        ({"every": "5m", "pause_on_failure": "yes"}, "pause_on_failure", "true or false"),
        ({"cron": "0 0 1 1 *", "start_at": "2026-02-01", "end_at": "2026-03-01"}, "cron",
         "never due between 'start_at' (2026-02-01) and 'end_at' (2026-03-01)"),
        ({"cron": "0 0 30 2 *"}, "cron", "never due: day of month '30', but February has 29 days"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(raw: dict[str, Any], place: str, said: str) -> None:
    found = problems(**raw)

    assert set(found) == {place}
    assert said in found[place]


def test_a_time_zone_that_is_none_is_refused_with_the_one_that_was_meant() -> None:
    findings = Findings(Limits())

    assert read_schedule(Fields({"cron": "@daily", "timezone": "berlin"}, "", findings)) is None
    assert [each.hint for each in findings.problems] == ["did you mean 'Europe/Berlin'?"]


def test_what_was_accepted_before_is_read_again() -> None:
    with pytest.raises(ValueError, match="a schedule needs 'cron'"):
        stored_schedule({"timezone": "UTC"})

    assert given_fields({"every": "5m", "cron": None, "name": "x"}) == {"every": "5m"}
