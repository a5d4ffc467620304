"""What one attempt came to, as tests of handlers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

#: waiting: completed after a delay; parked: it waits for a letter.
Outcome = Literal["completed", "failed", "skipped", "waiting", "parked"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the history."""

    level: str
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Error:
    """Why an attempt failed, as the node's `error` has it.

    after_s  how long a Retryable asks to wait.
    details  None where there are none; of an exception without a type of its own, its `traceback`.
    """

    type: str
    message: str
    retryable: bool
    after_s: float | None = None
    details: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        return _short(self)


@dataclass(frozen=True, slots=True, repr=False)
class Ran:
    """What one attempt came to, and what it reported.

    outcome    completed, failed, skipped, waiting (completed after a delay), or parked until a letter comes.
    output     as JSON gives it back; None where there is none.
    reason     why it was skipped.
    not_taken  the successors that it leaves aside.
    lines      what it logged.
    beats      details of its heartbeats, one for each.
    progress   (fraction, message) of each report.
    events     (type, value) of each typed event.
    text       what it streamed and did not take back.
    raised     the exception itself; None where an attempt failed by what it returned.
    """

    outcome: Outcome
    output: Any = None
    error: Error | None = None
    reason: str | None = None
    not_taken: tuple[str, ...] = ()
    delay_ms: int | None = None
    until_ms: int | None = None
    waits_for: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    beats: tuple[Any, ...] = ()
    progress: tuple[tuple[float | None, str | None], ...] = ()
    events: tuple[tuple[str, Any], ...] = ()
    text: str = ""
    raised: BaseException | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        return _short(self)


def _short(value: Error | Ran) -> str:
    """Write a value without the fields that say nothing: pytest cuts what it shows of a failed assertion."""
    said = [
        f"{each.name}={found!r}"
        for each in fields(value)
        if each.repr and (found := getattr(value, each.name)) != each.default
    ]
    return f"{type(value).__name__}({', '.join(said)})"
