"""The schedules of two tenants: what Redis must hold of them, and what they have started."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.documents.times import rfc3339
from orchestrator.redis_keys import SEPARATOR
from tests.property.model.clock import Clock

if TYPE_CHECKING:
    from tests.property.model.world import Case, World

MOST_SEEN = 6


@dataclass(slots=True)
class Clocks:
    """All schedules there must be, by id; records as a process saw them a while ago."""

    clocks: dict[str, Clock] = field(default_factory=dict)
    seen: list[ScheduleRecord] = field(default_factory=list)
    #: Everything a schedule has ever started: (schedule id, slot) of an execution.
    started: dict[str, tuple[str, int]] = field(default_factory=dict)

    def see(self, record: ScheduleRecord | None) -> None:
        if record is not None:
            self.seen = [*self.seen, record][-MOST_SEEN:]

    def forget_workflow(self, workflow_id: str) -> None:
        """Its schedules go with it."""
        self.clocks = {key: each for key, each in self.clocks.items() if each.workflow_id != workflow_id}

    def named(self, tenant: str, name: str) -> Clock | None:
        found = (each for each in self.clocks.values() if (each.tenant, each.name) == (tenant, name))
        return next(found, None)

    def due(self, now_ms: int) -> Clock | None:
        """The one that a loop must deal with first."""
        due = [each for each in self.clocks.values() if each.wake_ms is not None and each.wake_ms <= now_ms]
        return min(due, key=lambda each: (each.wake_ms or 0, _member(each)), default=None)

    def expected_keys(self) -> set[str]:
        keys = {name for each in self.clocks.values() for name in (*_lists_of(each), _record_key(each))}
        if any(each.wake_ms is not None for each in self.clocks.values()):
            keys.add("workflows:schedules")
        return keys

    def questions(self) -> list[tuple[Any, ...]]:
        """What to ask Redis for; `broken` takes the answers, in order."""
        asked: list[tuple[Any, ...]] = [("ZRANGE", "workflows:schedules", 0, -1, "WITHSCORES")]
        for each in self.clocks.values():
            asked.append(("HMGET", _record_key(each), *each.fields()))
            asked += [("HGET", f"workflows:schedule_names:{each.tenant}", each.name)]
            asked += [("ZSCORE", f"idx:schedules:{each.tenant}", each.schedule_id)]
        return asked

    def broken(self, world: World, answers: list[Any]) -> list[str]:
        """Say what Redis holds of schedules that it should not; [] when all is well."""
        broken, found = [], iter(answers)
        wakes = [part.decode() for part in next(found)]
        wanted_wakes = {_member(each): each.wake_ms for each in self.clocks.values() if each.wake_ms}
        if (told := dict(zip(wakes[::2], map(int, wakes[1::2]), strict=True))) != wanted_wakes:
            broken.append(f"schedules are looked at {told}, not {wanted_wakes}")
        for each in self.clocks.values():
            wanted = each.fields()
            said = dict(zip(wanted, [(word or b"").decode() for word in next(found)], strict=True))
            if said != wanted:
                broken.append(f"{each.name} of {each.tenant} says {said}, not {wanted}")
            if next(found) != each.schedule_id.encode() or next(found) is None:
                broken.append(f"{each.name} of {each.tenant} is not listed")
        return broken + self._of_executions(world)

    def _of_executions(self, world: World) -> list[str]:
        """Whatever a schedule has started is there with its slot, or was purged; nothing else names one."""
        broken = []
        known = {case.execution_id: case for case in world.cases}
        for case in known.values():
            trigger = _trigger_of(case)
            is_of_slot = trigger.get("source") == "schedule" and not trigger.get("by_hand")
            if is_of_slot != (case.execution_id in self.started):
                broken.append(f"{case.execution_id} was started by {trigger}, and no schedule has done so")
            elif is_of_slot:
                schedule_id, slot = self.started[case.execution_id]
                if (trigger["schedule_id"], trigger["scheduled_time"]) != (schedule_id, rfc3339(slot)):
                    broken.append(f"{case.execution_id} was started by {trigger}, not for {slot}")
        gone = set(self.started) - set(known) - set(world.remains.cases)
        return broken + [f"{each} was started by a schedule and is gone" for each in sorted(gone)]


def _trigger_of(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(case.now.runtime.get("trigger", "{}")) if case.seen else {}
    return found


def _member(clock: Clock) -> str:
    return f"{clock.tenant}{SEPARATOR}{clock.schedule_id}"


def _record_key(clock: Clock) -> str:
    return f"workflows:schedule:{clock.tenant}:{clock.schedule_id}"


def _lists_of(clock: Clock) -> tuple[str, ...]:
    index = f"idx:schedules:{clock.tenant}"
    return f"workflows:schedule_names:{clock.tenant}", index, f"{index}:{clock.workflow_id}"
