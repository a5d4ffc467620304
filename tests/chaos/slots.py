"""Promises about schedules: each slot is started once, or gives way, and nothing is started beside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from orchestrator.documents.times import parse_time_ms, rfc3339
from tests.chaos.history import Clock, EndReply, History


def of_clocks(history: History) -> Iterator[str]:
    """Say what is wrong with what schedules have started."""
    for clock in history.clocks:
        fired = [
            each
            for each in history.executions
            if each.workflow_id == clock.workflow_id and each.trigger.get("source") == "schedule"
        ]
        for what in (*_of_slots(clock, fired), *_of_counts(clock, fired), *_of_overlaps(clock, fired)):
            yield f"schedule {clock.name}: {what}"


def _slot_of(ended: EndReply) -> int:
    return parse_time_ms(ended.trigger["scheduled_time"])


def _first_slot(clock: Clock) -> int:
    return (clock.created_ms // clock.every_ms + 1) * clock.every_ms


def _of_slots(clock: Clock, fired: Sequence[EndReply]) -> Iterator[str]:
    by_slot: dict[int, list[str]] = defaultdict(list)
    for ended in fired:
        by_slot[_slot_of(ended)].append(ended.execution_id)
    for slot, ids in sorted(by_slot.items()):
        if len(ids) > 1:
            yield f"{rfc3339(slot)} was started {len(ids)} times: {ids}"
        if slot % clock.every_ms:
            yield f"{rfc3339(slot)} was started and is no slot of it"
    # The first one is calculated just before the schedule is written.
    first = min([_first_slot(clock), *by_slot])
    if first < _first_slot(clock) - clock.every_ms:
        yield f"{rfc3339(first)} was started, which is before it was made"
    if clock.overlaps:
        last = max([clock.until_ms - clock.every_ms, *by_slot])
        for slot in range(first, last + 1, clock.every_ms):
            if slot not in by_slot:
                yield f"{rfc3339(slot)} was never started"


def _of_counts(clock: Clock, fired: Sequence[EndReply]) -> Iterator[str]:
    """Each slot is counted: as a start, or as one that gave way."""
    if clock.runs != len(fired):
        yield f"it counts {clock.runs} starts, there are {len(fired)}"
    if clock.missed or clock.failed or (clock.skipped and clock.overlaps):
        yield f"{clock.missed} slots were missed, {clock.failed} failed, {clock.skipped} were skipped"
    first = min([_first_slot(clock), *map(_slot_of, fired)])
    due = (clock.until_ms - first) // clock.every_ms
    if clock.runs_until + clock.skipped + clock.missed + clock.failed != due:
        yield (
            f"{due} slots were due until {rfc3339(clock.until_ms)}, it counts {clock.runs_until} starts"
            f" and {clock.skipped} that gave way"
        )


def _of_overlaps(clock: Clock, fired: Sequence[EndReply]) -> Iterator[str]:
    if clock.overlaps:
        return
    for before, after in pairwise(sorted(fired, key=_slot_of)):
        if (before.ended_ms or 0) > (after.created_ms or 0):
            yield f"{after.execution_id} was started while {before.execution_id} went on"
