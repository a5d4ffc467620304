"""Where a handler failed: the frames of its own code, without those of the engine that called it."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from headrace.registration import HandlerSpec
from headrace.wording import text_of
from orchestrator.errors import NodeError
from orchestrator.store.replies import Claim
from workers.excerpts import Excerpt, cut
from workers.outcome import Failed, Outcome, from_exception, is_unforeseen

log = logging.getLogger("headrace.worker")

#: Name of a traceback in the details of an error.
TRACEBACK = "traceback"
#: Characters kept of a traceback, its last ones: the failure stands at the end.
TRACEBACK_MAX_CHARS = 8 * 1024
#: Characters of an exception's text in it; the whole text is the error's message.
_TEXT_CHARS = 1_000
#: Frames shown of one exception: the first ones and the last ones of a recursion.
_FIRST, _LAST = 5, 25
#: Exceptions shown: causes, and members of a group.
_MOST_CAUSES, _MOST_MEMBERS = 5, 5

_HERE = Path(__file__).resolve().parent
#: What calls a handler: the engine's own files, and those of the standard library that run threads.
_CALLERS = (
    str(_HERE),
    inspect.getfile(HandlerSpec),
    str(Path(traceback.__file__).parent / "concurrent"),
)


def failure_of(error: BaseException, claim: Claim, *, worker_id: str) -> Outcome:
    """Make an outcome of what a handler raised; with its traceback where it says little by itself."""
    outcome = from_exception(error, attempt=claim.attempt, worker=worker_id)
    if not isinstance(outcome, Failed) or not is_unforeseen(error):
        return outcome
    details = {**(outcome.error.details or {}), TRACEBACK: traceback_of(error)}
    return replace(outcome, error=replace(outcome.error, details=details))


def log_failure(claim: Claim, spec: Mapping[str, Any], error: NodeError) -> None:
    """Log a failure that shows where it happened, in one line; secrets have been taken out of it."""
    details = error.details
    if not isinstance(details, dict) or TRACEBACK not in details:
        return
    fields = {
        "execution_id": claim.execution_id,
        "node_id": claim.node_id,
        "attempt": claim.attempt,
        "handler": spec["handler"],
        "error": error.message,
        TRACEBACK: details[TRACEBACK],
    }
    log.warning("handler.failed", extra=fields)


def traceback_of(error: BaseException) -> Excerpt:
    """Write what was raised as Python writes it, the frames above the handler left out. Never raises."""
    try:
        text = "\n".join(_chain(error, set()))
    except Exception as fault:
        text = f"(the traceback cannot be shown: {type(fault).__name__})"
    return Excerpt(text.encode("utf-8", "replace").decode(), TRACEBACK_MAX_CHARS, is_tail=True)


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Write the causes of an exception, the first one first, then the exception."""
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen and len(seen) < _MOST_CAUSES:
        yield from _chain(before, seen)
        link = "which was the direct cause of" if error.__cause__ else "and while it was handled came"
        yield f"\n… {link}:\n"
    if frames := list(_frames(error.__traceback__)):
        yield "Traceback (most recent call last):"
        yield from frames
    yield f"{type(error).__name__}: {cut(text_of(error), _TEXT_CHARS)}".removesuffix(": ")
    if isinstance(error, BaseExceptionGroup):
        yield from _members(error, seen)


def _members(group: BaseExceptionGroup[BaseException], seen: set[int]) -> Iterator[str]:
    for number, member in enumerate(group.exceptions[:_MOST_MEMBERS], 1):
        yield f"  {number} of {len(group.exceptions)}:"
        yield from (f"    {line}" for text in _chain(member, set(seen)) for line in text.splitlines())


def _frames(at: TracebackType | None) -> Iterator[str]:
    while at is not None and at.tb_frame.f_code.co_filename.startswith(_CALLERS):
        at = at.tb_next
    frames = traceback.StackSummary.extract(traceback.walk_tb(at), limit=None, capture_locals=False)
    left_out = len(frames) - _FIRST - _LAST
    for number, frame in enumerate(frames):
        if left_out > 0 and _FIRST <= number < _FIRST + left_out:
            if number == _FIRST:
                yield f"  … {left_out:,} frames more"
            continue
        yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
        if frame.line:
            yield f"    {frame.line}"
