"""A schedule as the semantics have it: pure, and independent of the code that takes its turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: A slot so little late is on time.
ON_TIME_MS = 10_000
#: Until a schedule that waits for an end is looked at again.
AGAIN_MS = 1_000
MOST_BUFFERED = 100


@dataclass(frozen=True, slots=True)
class Rule:
    """When a schedule starts something. given: as its writer sends it."""

    given: Mapping[str, Any]
    period_ms: int
    anchor_ms: int = 0
    overlap: str = "skip"
    catchup: str = "latest"
    window_ms: int = 3_600_000
    start_ms: int | None = None
    end_ms: int | None = None
    max_runs: int | None = None
    pauses_on_failure: bool = False

    def slot_after(self, moment_ms: int) -> int | None:
        """Give the first slot after a moment."""
        after_ms = moment_ms if self.start_ms is None else max(moment_ms, self.start_ms - 1)
        slot = self.anchor_ms + ((after_ms - self.anchor_ms) // self.period_ms + 1) * self.period_ms
        return None if self.end_ms is not None and slot > self.end_ms else slot

    def slots(self, first: int, until_ms: int) -> list[int]:
        """Give the slots from one on, up to a moment."""
        found, slot = [], first if first <= until_ms else None
        while slot is not None and slot <= until_ms:
            found.append(slot)
            slot = self.slot_after(slot)
        return found


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn comes to. slot: the one that starts, None for none; ended: what has to end for it."""

    word: str
    slot: int | None = None
    ended: tuple[str, ...] = ()


@dataclass
class Clock:
    """What the record of one schedule must say, and what it has started.

    live  executions that are not known to have ended; buffer, slots that wait for them.
    wake_ms  when a loop is to look at it; None for never.
    """

    schedule_id: str
    tenant: str
    workflow_id: str
    name: str
    rule: Rule
    next_ms: int | None
    is_paused: bool = False
    runs: int = 0
    skipped: int = 0
    missed: int = 0
    live: list[str] = field(default_factory=list)
    buffer: list[int] = field(default_factory=list)
    last_slot: int | None = None
    revision: int = 1
    turn: int = 1
    wake_ms: int | None = None
    #: Slots that were started, ever, and by which execution.
    started: dict[int, str] = field(default_factory=dict)

    def fields(self) -> dict[str, str]:
        """Give what must stand in its record."""
        return {
            "turn": str(self.turn),
            "revision": str(self.revision),
            "next_ms": _text(self.next_ms),
            "due_ms": _text(self.next_ms),
            "is_paused": "1" if self.is_paused else "0",
            "runs": str(self.runs),
            "skipped": str(self.skipped or ""),
            "missed": str(self.missed or ""),
            "live": " ".join(self.live),
            "buffer": " ".join(map(str, self.buffer)),
            "failed": "",
        }

    def is_late(self, slot: int | None) -> bool:
        """Say whether a slot has been started, or waits."""
        dealt_with = max([self.last_slot or 0, *self.buffer])
        return slot is not None and slot <= dealt_with

    def put(self, rule: Rule, slot: int | None, now_ms: int) -> None:
        """Take another rule, with its next slot."""
        self.rule, self.next_ms = rule, slot
        self.revision, self.turn = self.revision + 1, self.turn + 1
        if rule.overlap not in ("buffer_one", "buffer_all", "cancel_other"):
            self.skipped += len(self.buffer)
            self.buffer = []
        if self.is_paused or self._has_run_out():
            self.next_ms = None
        self.wake(now_ms)

    def pause(self, now_ms: int) -> None:
        self.is_paused, self.next_ms = True, None
        self.revision += 1
        self._save(now_ms)

    def go_on(self, next_ms: int | None, statuses: Mapping[str, str], now_ms: int) -> None:
        self._look(statuses)
        self.is_paused, self.next_ms = False, next_ms
        self.revision += 1
        self._save(now_ms)

    def take_turn(self, statuses: Mapping[str, str], now_ms: int, *, is_active: bool) -> Turn:
        """Take the step that is due. statuses: of executions that are there; is_active: of its workflow."""
        turn = self._turn(statuses, now_ms, is_active=is_active)
        self._save(now_ms)
        return turn

    def start(self, slot: int, execution_id: str, now_ms: int) -> None:
        """Note what a turn has started."""
        assert slot not in self.started, f"{self.name} has started {slot} twice: {self.started}"
        self.started[slot] = execution_id
        self.runs, self.last_slot = self.runs + 1, slot
        self.live.append(execution_id)
        self._spend(now_ms)

    def wake(self, now_ms: int) -> None:
        """Say when a loop is to look at it."""
        due = [] if self.is_paused or self.next_ms is None else [self.next_ms]
        is_waiting = self.buffer or (self.rule.pauses_on_failure and self.live)
        if is_waiting and not self.is_paused:
            due.append(now_ms + AGAIN_MS)
        self.wake_ms = min(due, default=None)

    def _turn(self, statuses: Mapping[str, str], now_ms: int, *, is_active: bool) -> Turn:
        going_on = [each for each in self.live if _goes_on(statuses, each)]
        if failed := self._look(statuses):
            return Turn("paused", ended=(failed,))
        if not is_active:
            return self._sleep(now_ms)
        if self.buffer and not going_on:
            return Turn("ok", self.buffer.pop(0))
        if self.next_ms is None or self.next_ms > now_ms:
            return Turn("idle")
        slot = self._choose(self.next_ms, now_ms)
        return Turn("let go") if slot is None else self._meet(slot)

    def _sleep(self, now_ms: int) -> Turn:
        """Slots are let go while the workflow is paused, and are not missed."""
        if self.next_ms is None or self.next_ms > now_ms:
            return Turn("idle")
        self.next_ms = self.rule.slot_after(now_ms)
        return Turn("let go")

    def _choose(self, next_ms: int, now_ms: int) -> int | None:
        """Choose the slot that is dealt with now, and let those go that come too late."""
        oldest_ms = now_ms - max(self.rule.window_ms, ON_TIME_MS)
        if next_ms < oldest_ms:
            self.missed += 1
            self.next_ms = self.rule.slot_after(max(next_ms, oldest_ms - 1))
            return None
        due = self.rule.slots(next_ms, now_ms)
        late = [slot for slot in due if now_ms - slot > ON_TIME_MS]
        if self.rule.catchup == "all":
            chosen, missed = due[0], 0
        elif len(late) < len(due):
            chosen, missed = due[len(late)], len(late)
        elif self.rule.catchup == "latest":
            chosen, missed = due[-1], len(due) - 1
        else:
            self.missed += len(due)
            self.next_ms = self.rule.slot_after(due[-1])
            return None
        self.missed += missed
        self.next_ms = self.rule.slot_after(chosen)
        return chosen

    def _meet(self, slot: int) -> Turn:
        """Let a slot start, wait or give way, as the overlap policy says."""
        policy = self.rule.overlap
        if policy == "allow_all" or not (self.live or self.buffer):
            return Turn("ok", slot)
        ended = tuple(self.live)
        if policy == "terminate_other":
            self.live, self.buffer = [], []
            return Turn("ok", slot, ended)
        if policy == "cancel_other":
            self.skipped += len(self.buffer)
            self.buffer = [slot]
            return Turn("buffered", ended=ended)
        room = {"buffer_all": MOST_BUFFERED, "buffer_one": 1}.get(policy, 0)
        if len(self.buffer) < room:
            self.buffer.append(slot)
            return Turn("buffered")
        self.skipped += 1
        return Turn("skipped")

    def _look(self, statuses: Mapping[str, str]) -> str | None:
        """Forget what has ended; gives what has failed, where that pauses the schedule."""
        failed = [each for each in self.live if statuses.get(each) == "FAILED"]
        self.live = [each for each in self.live if _goes_on(statuses, each)]
        if failed and self.rule.pauses_on_failure and not self.is_paused:
            self.is_paused, self.next_ms = True, None
            return failed[-1]
        return None

    def _has_run_out(self) -> bool:
        return self.rule.max_runs is not None and self.runs >= self.rule.max_runs

    def _spend(self, now_ms: int) -> None:
        if self._has_run_out():
            self.next_ms, self.buffer = None, []
        self.wake(now_ms)

    def _save(self, now_ms: int) -> None:
        self.turn += 1
        self._spend(now_ms)


def _goes_on(statuses: Mapping[str, str], execution_id: str) -> bool:
    return statuses.get(execution_id) in ("PENDING", "RUNNING", "PAUSED")


def _text(value: int | None) -> str:
    return "" if value is None else str(value)
