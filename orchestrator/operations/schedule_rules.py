"""What is sent about schedules, checked; and what an execution is given that a schedule starts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.definitions.schedules import FIELDS, ScheduleSpec, read_schedule
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.documents.times import rfc3339
from orchestrator.errors import DefinitionInvalid, Problem, ProblemsFound

#: Slots of one backfill, and of one preview.
MOST_BACKFILLED, MOST_PREVIEWED = 10_000, 1_000


def read_spec(given: Mapping[str, Any]) -> ScheduleSpec:
    """Read the fields of a schedule. Raises ProblemsFound."""
    findings = Findings(Limits())
    fields = Fields(dict(given), "", findings)
    for name in given.keys() - set(FIELDS):
        hint = findings.did_you_mean(name, FIELDS)
        findings.add(name, "unknown_field", f"unknown field {name[:80]!r} in a schedule", hint)
    spec = read_schedule(fields)
    try:
        findings.raise_any()
    except DefinitionInvalid as error:
        raise ProblemsFound(error.problems) from None
    assert spec is not None
    return spec


def slot_trigger(record: ScheduleRecord, slot_ms: int) -> dict[str, Any]:
    """Give the trigger document of an execution that a schedule starts."""
    return {
        "source": "schedule",
        "schedule_id": record.schedule_id,
        "schedule": record.name,
        "scheduled_time": rfc3339(slot_ms),
    }


def backfill_slots(spec: ScheduleSpec, start_ms: int, end_ms: int, now_ms: int) -> list[int]:
    """Give the slots of a time that has passed. Raises ProblemsFound where there are none, or too many."""
    if end_ms < start_ms:
        raise ProblemsFound([Problem("end", "wrong_value", "'end' must not be before 'start'")])
    if end_ms > now_ms:
        message = f"'end' must be in the past; found {rfc3339(end_ms)}, now it is {rfc3339(now_ms)}"
        raise ProblemsFound([Problem("end", "wrong_value", message)])
    slots = []
    for slot in islice(spec.unbounded_slots(start_ms - 1), MOST_BACKFILLED + 1):
        if slot > end_ms:
            break
        slots.append(slot)
    if not slots:
        message = "the schedule has no slot from 'start' to 'end'"
        raise ProblemsFound([Problem("start", "wrong_value", message)])
    if len(slots) > MOST_BACKFILLED:
        message = (
            f"there are more than {MOST_BACKFILLED:,} slots from 'start' to 'end'; choose a shorter time"
        )
        raise ProblemsFound([Problem("end", "wrong_value", message)])
    return slots
