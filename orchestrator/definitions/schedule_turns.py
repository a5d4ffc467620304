"""What a schedule does now: which slot it starts, which it lets go, and when it is looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, takewhile

from orchestrator.definitions.schedules import CatchupPolicy, ScheduleSpec

#: A slot so little late counts as on time.
ON_TIME_MS = 10_000
#: Slots looked at in one turn.
MOST_SLOTS = 200


@dataclass(frozen=True, slots=True)
class Turn:
    """One step of a schedule.

    slot    starts now; None for none.
    missed  slots before it that are let go.
    next_slot, next_due_ms  the slot that comes after, and when it is due; None where none comes.
    """

    slot: int | None
    missed: int
    next_slot: int | None
    next_due_ms: int | None


def turn_of(spec: ScheduleSpec, schedule_id: str, next_slot: int, now_ms: int) -> Turn | None:
    """Say what is to be done; None where the next slot is not due yet.

    next_slot  the first that has not been dealt with.
    What lies before the catch-up window is let go as one.
    """
    if spec.due_ms(schedule_id, next_slot) > now_ms:
        return None
    oldest = now_ms - max(spec.catchup_window_ms, ON_TIME_MS)
    if spec.due_ms(schedule_id, next_slot) < oldest:
        later = spec.next_slot(max(next_slot, oldest - spec.jitter_ms - 1))
        return _turn(spec, schedule_id, None, 1, later)
    slots = [next_slot, *islice(spec.slots(next_slot), MOST_SLOTS)]
    # With jitter a slot may be due before the one that it follows, which still comes first.
    due = list(takewhile(lambda slot: spec.due_ms(schedule_id, slot) <= now_ms, slots[:MOST_SLOTS]))
    later = slots[len(due)] if len(due) < len(slots) else None
    if spec.catchup is CatchupPolicy.ALL:
        return _turn(spec, schedule_id, due[0], 0, due[1] if len(due) > 1 else later)
    late = list(takewhile(lambda slot: now_ms - spec.due_ms(schedule_id, slot) > ON_TIME_MS, due))
    if on_time := due[len(late) :]:
        return _turn(spec, schedule_id, on_time[0], len(late), on_time[1] if len(on_time) > 1 else later)
    is_newest = later is None or spec.due_ms(schedule_id, later) > now_ms
    if spec.catchup is CatchupPolicy.LATEST and is_newest:
        return _turn(spec, schedule_id, due[-1], len(due) - 1, later)
    return _turn(spec, schedule_id, None, len(due), later)


def _turn(spec: ScheduleSpec, schedule_id: str, slot: int | None, missed: int, later: int | None) -> Turn:
    return Turn(slot, missed, later, None if later is None else spec.due_ms(schedule_id, later))
