"""The attempts of one node or item, made of the events of its history and of its record. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from orchestrator.documents import exact_json
from orchestrator.errors import ErrorType
from orchestrator.execution.model import Event, NodeState
from orchestrator.states import NodeStatus, WaitingOn
from orchestrator.units import index_of, node_of

#: Log lines shown of one attempt, the last ones.
LOGS_SHOWN = 200
#: Attempts listed, the last ones.
MOST_ATTEMPTS = 100


class Outcome(StrEnum):
    """How an attempt stands, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    #: A task that was taken back because the execution is paused.
    HELD = "held"
    RETRYING = "retrying"
    LOST = "lost"
    DRAINED = "drained"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


#: Behind these, nothing more is heard of an attempt.
_ENDED = frozenset({Outcome.COMPLETED, Outcome.FAILED, Outcome.SKIPPED, Outcome.CANCELLED})
#: These stay what they are, even if the node ends before another attempt.
_TAKEN = frozenset({Outcome.LOST, Outcome.DRAINED, Outcome.HELD})
#: What became of an attempt that was under way when its unit was queued, held or parked for this cause.
_ENDED_BY = {
    "lease_lost": Outcome.LOST,
    "repair": Outcome.LOST,
    "drain": Outcome.DRAINED,
    "host": Outcome.DRAINED,
    "signal": Outcome.WAITING,
    "letter": Outcome.WAITING,
    "staging": Outcome.WAITING,
}
#: The retry policy does not count an attempt that ended for one of these causes, or waited for it.
_UNCHARGED = frozenset({"lease_lost", "repair", "drain", "host", "staging", "child"})
#: Nor one that was about to wait for what had come already.
_COME_BEFORE = frozenset({"signal", "letter"})
#: The outcome that a status in the record stands for.
_OUTCOMES = {
    NodeStatus.QUEUED: Outcome.QUEUED,
    NodeStatus.RUNNING: Outcome.RUNNING,
    NodeStatus.WAITING: Outcome.WAITING,
    NodeStatus.COMPLETED: Outcome.COMPLETED,
    NodeStatus.FAILED: Outcome.FAILED,
    NodeStatus.SKIPPED: Outcome.SKIPPED,
    NodeStatus.CANCELLED: Outcome.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a handler has logged. data is JSON as it was given."""

    seq: int
    ts_ms: int
    level: str
    message: str
    data: Any = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a node or item. What its events and the record do not tell is None."""

    #: The fence: larger with each attempt, never used twice.
    number: int
    outcome: Outcome = Outcome.RUNNING
    #: Which of the tries that the retry policy counts; None until a worker has started it.
    try_number: int | None = None
    #: Why the unit was queued, where that was not for the first time; see the causes of events.
    cause: str | None = None
    queued_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    worker: str | None = None
    error: Mapping[str, Any] | None = None
    #: When the next attempt was due, where this one failed and was to be followed.
    next_try_ms: int | None = None
    waiting_on: str | None = None
    #: When it gave its worker back to wait; what it ran before that is all that it ran.
    waiting_since_ms: int | None = None
    #: Who ended it by hand, and why.
    operator: Mapping[str, Any] | None = None
    log_lines: int = 0
    logs: tuple[LogLine, ...] = ()


def is_of(event: Event, unit: str) -> bool:
    """Say whether an event is about a node itself, or about the item that the unit names."""
    return event.type in _READERS and event.node_id == node_of(unit) and event.item == index_of(unit)


def is_first(event: Event, unit: str) -> bool:
    """Say whether nothing before an event can be about an attempt of the unit."""
    return event.type == "node.queued" and event.attempt == 1 and is_of(event, unit)


def attempts_of(events: Iterable[Event], state: NodeState, *, is_whole: bool) -> list[Attempt]:
    """List the attempts of a unit, oldest first, the newest MOST_ATTEMPTS of them.

    events    of the unit, in order.
    state     its record, which stands in for events that are gone or were not reached.
    is_whole  the events begin no later than its first attempt.
    """
    if state.reused or state.attempt == 0:
        return []
    history = _History(is_counted=is_whole)
    for event in events:
        _READERS[event.type](history, event, exact_json.loads(event.data or b"{}"))
    return _with_record(history.attempts(state), state)[-MOST_ATTEMPTS:]


@dataclass(slots=True)
class _History:
    """What is known of the attempts after the events read so far.

    is_counted  the beginning of the present count of tries has been read.
    tries       charged in this count, as far as it has been read.
    uncounted   attempts of a count whose beginning was not read.
    """

    is_counted: bool
    tries: int = 0
    uncounted: set[int] = field(default_factory=set)
    found: dict[int, Attempt] = field(default_factory=dict)
    logs: dict[int, deque[LogLine]] = field(default_factory=dict)
    log_lines: Counter[int] = field(default_factory=Counter)

    def attempts(self, state: NodeState) -> list[Attempt]:
        """Give the attempts in order. Tries of a count that goes on are counted back from the record."""
        before = None if self.is_counted else state.tries - self.tries
        return [
            replace(
                attempt,
                try_number=self._try(attempt, before),
                log_lines=self.log_lines[number],
                logs=tuple(self.logs.get(number, ())),
            )
            for number, attempt in sorted(self.found.items())
        ]

    def _try(self, attempt: Attempt, before: int | None) -> int | None:
        if attempt.try_number is None or attempt.number not in self.uncounted:
            return attempt.try_number
        return None if before is None or before < 0 else attempt.try_number + before

    def queued(self, event: Event, data: Mapping[str, Any]) -> None:
        number, cause = event.attempt or 0, data.get("cause")
        previous = self.found[max(self.found)] if self.found else None
        if previous is not None:
            self._leave(previous, event, cause)
        asked = previous is not None and previous.waiting_on == WaitingOn.OPERATOR
        if cause is None or (asked and previous is not None and previous.outcome is Outcome.WAITING):
            self._restart_count()
        self.found[number] = Attempt(number, Outcome.QUEUED, cause=cause, queued_ms=event.ts_ms)

    def held(self, event: Event, data: Mapping[str, Any]) -> None:
        cause = data.get("cause")
        if cause is None:
            self._restart_count()
        elif (attempt := self.found.get(event.attempt or 0)) is not None:
            self._leave(attempt, event, cause, otherwise=Outcome.HELD)

    def started(self, event: Event, data: Mapping[str, Any]) -> None:
        self.tries += 1
        if not self.is_counted:
            self.uncounted.add(event.attempt or 0)
        self._change(
            event,
            outcome=Outcome.RUNNING,
            try_number=self.tries,
            started_ms=event.ts_ms,
            worker=data.get("worker"),
        )

    def retrying(self, event: Event, data: Mapping[str, Any]) -> None:
        self._change(
            event,
            outcome=Outcome.RETRYING,
            ended_ms=event.ts_ms,
            error=data.get("error"),
            next_try_ms=event.ts_ms + int(data.get("delay_ms", 0)),
        )

    def waiting(self, event: Event, data: Mapping[str, Any]) -> None:
        if data.get("cause") in _ENDED_BY:
            self._leave(self._of(event), event, data["cause"])
        else:
            waiting_on, error = data.get("waiting_on"), data.get("error")
            if waiting_on == WaitingOn.INBOX:
                # A park is no try, whatever ends it.
                self.tries -= self._of(event).try_number is not None
            self._change(
                event,
                outcome=Outcome.WAITING,
                waiting_on=waiting_on,
                waiting_since_ms=event.ts_ms,
                error=error,
            )

    def ended(self, event: Event, data: Mapping[str, Any]) -> None:
        """Take the end of the node for that of its attempt, unless that had ended before."""
        attempt = self._of(event)
        if not attempt.number or attempt.outcome in _ENDED:
            return
        outcome, error = Outcome(event.type.partition(".")[2]), data.get("error")
        if attempt.outcome in _TAKEN:
            outcome = attempt.outcome
        elif _is_poison(error):
            outcome = Outcome.LOST
            self.tries -= 1
        self._change(
            event,
            outcome=outcome,
            ended_ms=attempt.ended_ms or event.ts_ms,
            error=error or attempt.error,
            next_try_ms=None,
            waiting_on=None,
            operator=data.get("operator"),
        )

    def logged(self, event: Event, data: Mapping[str, Any]) -> None:
        attempt = self._of(event)
        self.found.setdefault(attempt.number, attempt)
        self.log_lines[attempt.number] += 1
        level, message = str(data.get("level", "info")), str(data.get("message", ""))
        line = LogLine(event.seq, event.ts_ms, level, message, data.get("data"))
        self.logs.setdefault(attempt.number, deque(maxlen=LOGS_SHOWN)).append(line)

    def _of(self, event: Event) -> Attempt:
        number = event.attempt or 0
        return self.found.get(number) or Attempt(number)

    def _change(self, event: Event, **changes: Any) -> None:
        attempt = self._of(event)
        self.found[attempt.number] = replace(attempt, **changes)

    def _leave(
        self, attempt: Attempt, event: Event, cause: str | None, *, otherwise: Outcome = Outcome.LOST
    ) -> None:
        """End an attempt that another one follows, or whose unit is held or parked."""
        is_under_way = attempt.outcome in (Outcome.RUNNING, Outcome.QUEUED)
        if cause in _UNCHARGED or (cause in _COME_BEFORE and is_under_way):
            self.tries -= attempt.try_number is not None
        if is_under_way:
            attempt = replace(attempt, outcome=_ENDED_BY.get(cause or "", otherwise))
        self.found[attempt.number] = replace(attempt, ended_ms=attempt.ended_ms or event.ts_ms)

    def _restart_count(self) -> None:
        self.tries, self.is_counted = 0, True


_READERS: Mapping[str, Callable[[_History, Event, Mapping[str, Any]], None]] = MappingProxyType(
    {
        "node.queued": _History.queued,
        "node.held": _History.held,
        "node.started": _History.started,
        "node.retrying": _History.retrying,
        "node.waiting": _History.waiting,
        "node.completed": _History.ended,
        "node.failed": _History.ended,
        "node.skipped": _History.ended,
        "node.cancelled": _History.ended,
        "node.log": _History.logged,
    }
)


def _is_poison(error: Mapping[str, Any] | None) -> bool:
    """Whether a node failed since one worker too many was lost with it; no try is charged for that."""
    return error is not None and error.get("type") == ErrorType.POISON


def _with_record(found: list[Attempt], state: NodeState) -> list[Attempt]:
    """Add what only the record knows: the newest attempt, or facts that its events lack."""
    known = _from_record(state)
    if known is None:
        return found
    if not found or (found[-1].number < state.attempt and not state.status.is_terminal):
        return [*found, known]
    newest = found[-1]
    if newest.number != state.attempt:
        return found
    has_ended_since = newest.outcome in (Outcome.QUEUED, Outcome.RUNNING) and state.status.is_terminal
    newest = replace(
        newest,
        outcome=known.outcome if has_ended_since else newest.outcome,
        try_number=known.try_number if newest.try_number is None else newest.try_number,
        queued_ms=newest.queued_ms or known.queued_ms,
        started_ms=newest.started_ms or known.started_ms,
        ended_ms=newest.ended_ms or known.ended_ms,
        worker=newest.worker or known.worker,
        error=newest.error or known.error,
    )
    return [*found[:-1], newest]


def _from_record(state: NodeState) -> Attempt | None:
    """Make the newest attempt of the record alone; None while the unit waits for its turn."""
    outcome = _OUTCOMES.get(state.status)
    if outcome is None:
        return None
    is_poison = outcome is Outcome.FAILED and _is_poison(state.error)
    if is_poison:
        outcome = Outcome.LOST
    has_started = state.started_ms is not None and state.started_ms >= (state.queued_ms or 0)
    is_retrying = state.waiting_on is WaitingOn.BACK_OFF
    return Attempt(
        number=state.attempt,
        outcome=Outcome.RETRYING if is_retrying else outcome,
        try_number=state.tries + is_poison if has_started else None,
        queued_ms=state.queued_ms,
        started_ms=state.started_ms if has_started else None,
        ended_ms=state.ended_ms,
        worker=state.worker if has_started else None,
        error=state.error if is_retrying or state.status is NodeStatus.FAILED else None,
        next_try_ms=state.due_ms if is_retrying else None,
        waiting_on=str(state.waiting_on) if state.waiting_on and not is_retrying else None,
    )
