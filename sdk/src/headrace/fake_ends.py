"""How an attempt under test ended: by what a host reports of it, and what a worker makes of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headrace._host_result import completed, failed
from headrace.durable import TypedEvent
from headrace.fake_context import FakeContext
from headrace.outcome import HandlerFault, check_output_size, park_of_no_durable
from headrace.ran import Error, Outcome, Ran
from headrace.wording import MESSAGE_MAX_CHARS, TRACEBACK_MAX_CHARS, cut, one_line, tail


def returned(value: Any, seen: FakeContext, handler: str) -> Ran:
    """What an attempt came to by what it returned.

    handler  its name.
    """
    header, body = completed(value)
    try:
        if header["kind"] in ("completed", "waiting"):
            check_output_size(len(body), seen.output_max_bytes)
        if header["kind"] == "parked" and not seen.is_durable:
            raise park_of_no_durable(handler)
        seen.emit_all([TypedEvent(*event) for event in header.get("events", ())])
    except HandlerFault as fault:
        header, body = failed(fault)
    return _ran(header, body, seen)


def raised(error: BaseException, seen: FakeContext) -> Ran:
    """What an attempt came to by what it raised."""
    header, body = failed(error)
    return _ran(header, body, seen, error)


def _ran(
    header: Mapping[str, Any], body: bytes, seen: FakeContext, raised: BaseException | None = None
) -> Ran:
    outcome: Outcome = header["kind"]
    is_failed = outcome == "failed"
    return Ran(
        outcome,
        output=json.loads(body) if body else None,
        error=_error(header) if is_failed else None,
        reason=_message(header["reason"], "handler_skipped") if outcome == "skipped" else None,
        not_taken=tuple(header.get("not_taken", ())),
        delay_ms=header.get("delay_ms"),
        until_ms=header.get("until_ms"),
        waits_for=tuple(header.get("waits_for", ())),
        lines=tuple(seen.lines),
        beats=tuple(seen.beats),
        progress=tuple(seen.reports),
        events=tuple(seen.events),
        text="".join(seen.streamed),
        raised=raised if is_failed else None,
    )


def _error(header: Mapping[str, Any]) -> Error:
    details = header.get("details")
    if traceback := header.get("traceback"):
        details = {**(details or {}), "traceback": tail(traceback, TRACEBACK_MAX_CHARS)}
    message = _message(header["message"], "HandlerError")
    return Error(header["error_type"], message, header["retryable"], header.get("after_s"), details)


def _message(text: str, otherwise: str) -> str:
    return cut(one_line(text) or otherwise, MESSAGE_MAX_CHARS)
