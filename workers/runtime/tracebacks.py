"""Where a handler failed: the frames of its own code, without those of the engine that called it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from headrace._tracebacks import CALLERS
from headrace._tracebacks import traceback_of as written
from headrace.wording import TRACEBACK_MAX_CHARS
from orchestrator.errors import ErrorType, NodeError
from orchestrator.store.replies import Claim
from workers.excerpts import Excerpt
from workers.outcome import Failed, Outcome, from_exception, is_unforeseen

log = logging.getLogger("headrace.worker")

#: Name of a traceback in the details of an error.
TRACEBACK = "traceback"
#: What calls a handler: the engine's own files, beside those that call one in a host.
_CALLERS = (str(Path(__file__).resolve().parent), *CALLERS)


def failure_of(error: BaseException, claim: Claim, *, worker_id: str) -> Outcome:
    """Make an outcome of what a handler raised; with its traceback where it says little by itself."""
    outcome = from_exception(error, attempt=claim.attempt, worker=worker_id)
    if not isinstance(outcome, Failed) or not is_unforeseen(error):
        return outcome
    details = {**(outcome.error.details or {}), TRACEBACK: traceback_of(error)}
    return replace(outcome, error=replace(outcome.error, details=details))


def log_failure(claim: Claim, spec: Mapping[str, Any], error: NodeError) -> None:
    """Log a failure that shows where it happened, or that waits for an operator, in one line.

    Secrets have been taken out of it.
    """
    details = error.details if isinstance(error.details, dict) else {}
    fields = {
        "execution_id": claim.execution_id,
        "node_id": claim.node_id,
        "attempt": claim.attempt,
        "handler": spec["handler"],
        "error": error.message,
    }
    if TRACEBACK in details:
        log.warning("handler.failed", extra={**fields, TRACEBACK: details[TRACEBACK]})
    elif error.type == ErrorType.CODE_CHANGED:
        log.warning("handler.code_changed", extra=fields)


def traceback_of(error: BaseException) -> Excerpt:
    """Write what was raised as Python writes it, the frames above the handler left out. Never raises."""
    return Excerpt(written(error, _CALLERS), TRACEBACK_MAX_CHARS, is_tail=True)
