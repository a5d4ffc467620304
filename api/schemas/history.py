"""Parts of histories, and the attempts that are read out of them."""

from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from api.schemas.events import EventLine, event_body
from api.schemas.executions import ErrorObject
from api.schemas.times import rfc3339
from orchestrator.execution.attempts import Attempt, LogLine, Outcome
from orchestrator.operations.attempts import Attempts
from orchestrator.operations.events import HistoryPage


class HistoryPart(BaseModel):
    """Part of an execution's history."""

    items: list[EventLine] = Field(description="In order.")
    last_seq: int = Field(description="The number of the newest event of the history; 0 without one.")
    next_before: int | None = Field(
        description="As `before`, it gives the part before this one; null where no earlier event is left."
    )
    next_after: int | None = Field(
        description="As `after`, it gives the part behind this one; null where there is none, or none yet."
    )


class AttemptLog(BaseModel):
    """A line that a handler has logged."""

    seq: int
    ts: str
    level: str
    message: str
    data: Any = None


class OperatorView(BaseModel):
    """Who has ended an attempt by hand."""

    by: str | None
    reason: str | None


class AttemptView(BaseModel):
    """One attempt of a node or item; null stands for what is not known, or not yet."""

    model_config = ConfigDict(populate_by_name=True)

    attempt: int
    try_: int | None = Field(
        alias="try", description="Of those that `max_attempts` counts; null before a worker has started it."
    )
    outcome: Outcome = Field(
        description="How it ended, or stands. `retrying`: it failed, and another one follows. `lost`, "
        "`drained`: its worker was lost, or stopped. `waiting`: it waits, or waited, without a worker. "
        "`held`: its task was taken back because the execution was paused."
    )
    cause: str | None = Field(description="Why the unit was queued, where that was not for the first time.")
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    worker: str | None
    error: ErrorObject | None
    next_try_at: str | None = Field(description="When the attempt after this one is due, or was.")
    waiting_on: str | None = Field(description="What it waits for, or waited.")
    waiting_since: str | None = Field(
        description="When it gave its worker back to wait; also of an attempt that has ended."
    )
    operator: OperatorView | None
    log_lines: int = Field(description="How many lines it has logged, among the events that were read.")
    logs: list[AttemptLog] = Field(description="The last 200 of them, in order.")


class AttemptList(BaseModel):
    """The attempts of a node or item."""

    items: list[AttemptView] = Field(description="Oldest first; the newest 100 at most.")
    truncated: bool = Field(
        description="Older attempts are missing, or lines that were logged: they are too many, lie too far "
        "back in a long history, or their events are gone."
    )


def history_fields(page: HistoryPage) -> dict[str, Any]:
    """Show part of a history."""
    return {
        "items": [orjson.Fragment(event_body(event)) for event in page.events],
        "last_seq": page.last_seq,
        "next_before": page.next_before,
        "next_after": page.next_after,
    }


def attempts_fields(found: Attempts) -> dict[str, Any]:
    """Show the attempts of a unit."""
    return {"items": [_attempt(each) for each in found.attempts], "truncated": found.is_cut}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "try": attempt.try_number,
        "outcome": str(attempt.outcome),
        "cause": attempt.cause,
        "queued_at": rfc3339(attempt.queued_ms),
        "started_at": rfc3339(attempt.started_ms),
        "ended_at": rfc3339(attempt.ended_ms),
        "worker": attempt.worker,
        "error": attempt.error,
        "next_try_at": rfc3339(attempt.next_try_ms),
        "waiting_on": attempt.waiting_on,
        "waiting_since": rfc3339(attempt.waiting_since_ms),
        "operator": attempt.operator,
        "log_lines": attempt.log_lines,
        "logs": [_log(line) for line in attempt.logs],
    }


def _log(line: LogLine) -> dict[str, Any]:
    return {
        "seq": line.seq,
        "ts": rfc3339(line.ts_ms),
        "level": line.level,
        "message": line.message,
        "data": line.data,
    }
