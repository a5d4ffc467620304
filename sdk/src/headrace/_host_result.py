"""What came of a handler, as the header and the body of a result frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from headrace._tracebacks import traceback_of
from headrace.durable import TypedEvent
from headrace.outcome import (
    Completed,
    HandlerFault,
    Parked,
    Skip,
    Skipped,
    Terminal,
    Waiting,
    park_problem,
    typed_events,
    wait_problem,
)
from headrace.plain_json import as_json, json_of
from headrace.ways_out import described
from headrace.wording import text_of

Result = tuple[dict[str, Any], bytes]


def completed(value: Any, emit: Callable[..., object] | None = None) -> Result:
    """Write what a handler returned; a value that cannot be an output is a failure that no retry cures.

    emit  takes the events of a Completed, for a worker of a version that knows of none.
    """
    try:
        header, body = _completed(value)
        if emit is not None:
            for event in header.pop("events", ()):
                emit(*event)
        return header, body
    except HandlerFault as fault:
        return failed(fault)
    except Exception as error:
        is_told = isinstance(error, TypeError | ValueError)
        reason = text_of(error) if is_told else f"{type(error).__name__}: {text_of(error)}"
        message = f"the handler's output cannot be kept: {reason}"
        return _failure("HandlerError", message, is_retryable=False), b""


def _completed(value: Any) -> Result:
    match value:
        case Skipped(reason):
            return {"kind": "skipped", "reason": text_of(reason)}, b""
        case Waiting(_, until_ms, delay_ms, output):
            if (problem := wait_problem(value)) is not None:
                raise Terminal(problem)
            return {"kind": "waiting", "until_ms": until_ms, "delay_ms": delay_ms}, json_of(output)
        case Parked(until_ms, waits_for):
            if (problem := park_problem(value)) is not None:
                raise Terminal(problem)
            return {"kind": "parked", "until_ms": until_ms, "waits_for": list(waits_for)}, b""
        case Completed(output, not_taken):
            if not isinstance(not_taken, tuple) or not all(isinstance(node_id, str) for node_id in not_taken):
                raise Terminal("not_taken of a Completed is a tuple of node ids")
            header: dict[str, Any] = {"kind": "completed", "not_taken": list(not_taken)}
            if events := typed_events(value):
                header["events"] = [_event(event, f"events[{at}]") for at, event in enumerate(events)]
            return header, json_of(output)
    return {"kind": "completed", "not_taken": []}, json_of(value)


def _event(event: TypedEvent, root: str) -> list[Any]:
    try:
        return list(as_json(event._asdict(), root).values())
    except (TypeError, ValueError, RecursionError) as error:
        raise Terminal(f"an event of the end is not JSON: {error}", type="EventInvalid") from None


def failed(error: BaseException) -> Result:
    """Write what a handler raised. Never raises."""
    try:
        return _failed(error)
    except BaseException:
        # An attribute of the exception raised in its turn: of such a one only the name can be trusted.
        return _failure("HandlerError", type(error).__name__), b""


def stopped() -> Result:
    """The handler let itself be stopped."""
    return {"kind": "stopped"}, b""


def _failed(error: BaseException) -> Result:
    if isinstance(error, Skip):
        return {"kind": "skipped", "reason": text_of(error.reason)}, b""
    details = getattr(error, "details", None)
    error_type = getattr(error, "error_type", None)
    if error_type is None:
        header = _failure("HandlerError", described(error))
        header["traceback"] = traceback_of(error)
    else:
        is_retryable = bool(getattr(error, "retryable", False))
        message = text_of(error) or type(error).__name__
        header = _failure(text_of(error_type), message, is_retryable=is_retryable)
    header["after_s"] = _seconds(getattr(error, "retry_after_s", None))
    if isinstance(details, Mapping) and details:
        try:
            header["details"] = as_json(dict(details), "details")
        except (TypeError, ValueError, RecursionError) as unusable:
            header["details"] = {"unreadable": text_of(unusable)}
    return header, b""


def _failure(error_type: str, message: str, *, is_retryable: bool = True) -> dict[str, Any]:
    return {"kind": "failed", "error_type": error_type, "message": message, "retryable": is_retryable}


def _seconds(asked: Any) -> float | None:
    """Read how long a handler asks to wait; a Retry-After header is text, and nonsense counts as none."""
    try:
        number = float(asked)
    except (TypeError, ValueError):
        return None
    # In milliseconds it is still to be a number.
    return max(0.0, number) if math.isfinite(number * 1000) else None
