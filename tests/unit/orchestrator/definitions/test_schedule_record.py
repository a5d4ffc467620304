"""Schedules as Redis keeps them."""

from __future__ import annotations

import pytest

from orchestrator.definitions.schedule_record import (
    ScheduleRecord,
    declared_id,
    is_schedule_id,
    schedule_id_of,
)

FIELDS = {
    b"schedule_id": b"sch_" + 26 * b"a", b"workflow_id": b"wf_1", b"name": b"clock",
    b"spec": b'{"every":"1m"}',
    b"turn": b"7", b"revision": b"2", b"next_ms": b"60000", b"due_ms": b"61000", b"live": b"e1 e2",
    b"buffer": b"1 2", b"created_ms": b"5",
}  # fmt: skip
BACKFILL = {
    b"backfill_id": b"b1", b"backfill_first": b"1", b"backfill_end": b"9", b"backfill_next": b"",
    b"backfill_most": b"3", b"backfill_runs": b"4", b"backfill_live": b"",
}  # fmt: skip


def test_a_record_is_read_and_what_is_missing_has_its_plainest_value() -> None:
    record = ScheduleRecord.from_redis("acme", FIELDS)

    assert (record.tenant, record.next_ms, record.due_ms, record.turn) == ("acme", 60_000, 61_000, 7)
    assert (record.live, record.buffer) == (("e1", "e2"), (1, 2))
    assert (record.is_paused, record.runs, record.last_slot_ms, record.backfill) == (False, 0, None, None)
    assert not record.is_finished


def test_a_tag_names_its_rule_whatever_it_has_started_since() -> None:
    record = ScheduleRecord.from_redis("acme", FIELDS)
    later = ScheduleRecord.from_redis("acme", FIELDS | {b"turn": b"8"})
    changed = ScheduleRecord.from_redis("acme", FIELDS | {b"revision": b"3"})

    assert record.tag != later.tag
    assert later.is_meant([record.tag])
    assert not changed.is_meant([record.tag, "other"])


def test_one_without_a_slot_is_finished_unless_something_waits() -> None:
    done = {**FIELDS, b"next_ms": b"", b"buffer": b""}

    assert ScheduleRecord.from_redis("acme", done).is_finished
    assert not ScheduleRecord.from_redis("acme", done | {b"buffer": b"1"}).is_finished
    assert not ScheduleRecord.from_redis("acme", done | {b"is_paused": b"1"}).is_finished


def test_a_backfill_that_has_come_to_its_end_has_no_next_slot() -> None:
    backfill = ScheduleRecord.from_redis("acme", FIELDS | BACKFILL).backfill

    assert backfill is not None
    assert (backfill.next_ms, backfill.most, backfill.runs, backfill.live) == (None, 3, 4, ())


@pytest.mark.parametrize("field", [b"spec", b"turn", b"name"])
def test_a_record_that_no_engine_wrote_is_refused(field: bytes) -> None:
    with pytest.raises(ValueError, match="lacks the field"):
        ScheduleRecord.from_redis("acme", {name: text for name, text in FIELDS.items() if name != field})


def test_ids_cannot_be_names() -> None:
    made = schedule_id_of(bytes(16))

    assert is_schedule_id(made)
    assert declared_id("wf_1", "a") == declared_id("wf_1", "a") != declared_id("wf_1", "b")
    assert is_schedule_id(declared_id("wf_1", ""))
    assert not is_schedule_id("sch-clock")
