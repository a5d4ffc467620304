"""How an attempt in a host ends: by what the host reports, or by the end of the host."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace import Completed, Parked, Skipped, Waiting
from headrace.durable import TypedEvent
from headrace.wording import MESSAGE_MAX_CHARS, TRACEBACK_MAX_CHARS
from orchestrator.errors import ErrorType, NodeError
from workers.context import HandlerContext
from workers.excerpts import Excerpt
from workers.outcome import Failed, Outcome, Raw, one_line

#: Characters of each of the last lines of a host that has died.
LINE_CHARS = 1_000


class GivenBack(Exception):
    """The attempt did not run to its end, through no fault of its own.

    is_lost  nobody is to blame, and it counts as one that lost its worker: else it could go on for ever.
    """

    def __init__(self, reason: str, *, is_lost: bool = False) -> None:
        super().__init__(reason)
        self.is_lost = is_lost


class HandlerCrashed(Exception):
    """The process that ran the handler ended."""

    error_type = ErrorType.HANDLER_CRASHED
    retryable = True

    def __init__(self, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.details = dict(details)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: its return code, as subprocess has it, and the last it wrote."""

    code: int
    last_lines: Sequence[str]

    @property
    def text(self) -> str:
        return f"exit code {self.code}" if self.code >= 0 else _signal_name(-self.code)

    def crash(self) -> HandlerCrashed:
        """The error of the attempt that is to blame."""
        how = {"exit_code": self.code} if self.code >= 0 else {"signal": _signal_name(-self.code)}
        lines = [Excerpt(line, LINE_CHARS) for line in self.last_lines]
        return HandlerCrashed(f"the handler's process ended: {self.text}", {**how, "last_lines": lines})


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def outcome_of(header: Mapping[str, Any], body: bytes, context: HandlerContext) -> Outcome | None:
    """Read the result a host reports; None: the handler let itself be stopped. Raises KeyError, TypeError."""
    match header["kind"]:
        case "completed":
            # A package of an older version gives no events.
            events = [TypedEvent(*event) for event in header.get("events", ())]
            return Completed(Raw(body), tuple(header["not_taken"]), events)
        case "waiting":
            return Waiting(until_ms=header["until_ms"], delay_ms=header["delay_ms"], output=Raw(body))
        case "parked":
            return Parked(header["until_ms"], tuple(header["waits_for"]))
        case "skipped":
            return Skipped(one_line(header["reason"]) or "handler_skipped")
        case "failed":
            after_s = header.get("after_s")
            return Failed(
                _error(header, context), retry_after_ms=None if after_s is None else round(after_s * 1000)
            )
    return None


def _error(header: Mapping[str, Any], context: HandlerContext) -> NodeError:
    details = header.get("details")
    if traceback := header.get("traceback"):
        details = {**(details or {}), "traceback": Excerpt(traceback, TRACEBACK_MAX_CHARS, is_tail=True)}
    return NodeError(
        type=header["error_type"],
        message=one_line(header["message"]) or Excerpt("HandlerError", MESSAGE_MAX_CHARS),
        retryable=header["retryable"],
        details=details,
        attempt=context.attempt,
        worker=context.worker_id,
    )
