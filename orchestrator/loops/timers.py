"""Fires what is due: back-offs, delays, holds, time-outs, deadlines, the end of a grace, saved worklists."""

from __future__ import annotations

import logging
import random
from typing import Any

import orjson

from orchestrator.definitions.branches import taker_of
from orchestrator.definitions.retry import ONE_ATTEMPT, RetryPolicy
from orchestrator.definitions.retry_decision import decide_retry
from orchestrator.errors import ErrorType, NodeError
from orchestrator.store.reader import Due, Store
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.timers")

#: Timers fired by one run; what is left is due at the next.
LIMIT = 500
#: Kinds whose firing may fail a node; its catch then says who takes over. None: the wait has kept the error.
_FAILING = {
    "start_to_close": ErrorType.TIMEOUT_START_TO_CLOSE,
    "schedule_to_start": ErrorType.TIMEOUT_SCHEDULE_TO_START,
    "schedule_to_close": ErrorType.TIMEOUT_SCHEDULE_TO_CLOSE,
    "signal": None,
    "approval": None,
}


async def run_once(store: Store, transitions: Transitions, now_ms: int, *, limit: int = LIMIT) -> int:
    """Fire every timer that is due; returns how many there were.

    Each script compares status, attempt and Redis time again, so any number of processes may run this at
    once.
    """
    due = await store.due_timers(now_ms, limit)
    if not due:
        return 0
    late = [timer for timer in due if timer.kind in _FAILING]
    specs = await store.specs([(timer.execution_id, timer.node_id) for timer in late]) if late else []
    spec_of = dict(zip(late, specs, strict=True))
    fired: list[Due] = []
    calls: list[Call[tuple[str, bool]]] = []
    for timer in due:
        try:
            calls.append(_call(transitions, timer, spec_of.get(timer, {})))
            fired.append(timer)
        except Exception:
            # A record that cannot be read must not keep the timers of all other executions from firing.
            log.exception("timer.fault", extra={"execution_id": timer.execution_id, "kind": timer.kind})
    answers = await transitions.call_all(calls, are_apart=True)
    for timer, answer in zip(fired, answers, strict=True):
        if not isinstance(answer, Exception) and answer[1]:
            await transitions.drain_worklist(timer.execution_id)
    return len(due)


def _call(transitions: Transitions, timer: Due, spec: dict[str, Any]) -> Call[tuple[str, bool]]:
    execution_id, node_id = timer.execution_id, timer.node_id
    taker = _taker(timer, spec)
    match timer.kind:
        case "continue":
            return transitions.continue_execution(execution_id)
        case "execution_timeout":
            error = NodeError(
                ErrorType.TIMEOUT_EXECUTION, "the execution passed its deadline", retryable=False
            )
            return transitions.time_out_execution(execution_id, timer.attempt, orjson.dumps(error.to_dict()))
        case "cancel_grace":
            return transitions.enforce_cancel(execution_id, timer.attempt)
        case "schedule_to_start":
            message = f"no worker took node '{node_id}' within its schedule_to_start_timeout"
            error = NodeError(
                ErrorType.TIMEOUT_SCHEDULE_TO_START, message, retryable=False, attempt=int(timer.attempt)
            )
            return transitions.time_out_node(
                execution_id, node_id, int(timer.attempt), timer.kind,
                error=orjson.dumps(error.to_dict()), delay_ms=None, taker=taker,
            )  # fmt: skip
        case "schedule_to_close":
            return transitions.expire_node(execution_id, node_id, timer.attempt, taker=taker)
        case "start_to_close":
            return _time_out_attempt(transitions, timer, spec)
        case _:
            return transitions.wake_node(execution_id, node_id, int(timer.attempt), timer.kind, taker=taker)


def _taker(timer: Due, spec: dict[str, Any]) -> str:
    """Name the successor that takes over if the node fails now; "" for none."""
    catch = spec.get("catch")
    if not catch:
        return ""
    if error_type := _FAILING.get(timer.kind):
        return taker_of(catch, error_type)
    kept = orjson.loads(spec["kept"] or b"{}")
    return taker_of(catch, str(kept.get("type"))) if isinstance(kept, dict) else ""


def _time_out_attempt(transitions: Transitions, timer: Due, spec: dict[str, Any]) -> Call[tuple[str, bool]]:
    """Retry or fail an attempt whose worker did not stop it at its time limit, by the same policy."""
    stored = spec.get("retry") or spec.get("handler_retry")
    policy = RetryPolicy.from_stored(stored) if stored else ONE_ATTEMPT
    tries = int(spec.get("tries", 1))
    error = NodeError(
        ErrorType.TIMEOUT_START_TO_CLOSE,
        f"node '{timer.node_id}' ran longer than its start_to_close_timeout"
        f" of {(spec.get('start_to_close_ms') or 0) / 1000:g} s and its worker did not stop it",
        retryable=True,
        attempt=int(timer.attempt),
        worker=spec.get("worker"),
    )
    catch = spec.get("catch", ())
    decision = decide_retry(policy, tries, error, counts=spec.get("counts", ()), random=random.random)
    return transitions.time_out_node(
        timer.execution_id, timer.node_id, int(timer.attempt), timer.kind,
        error=orjson.dumps(error.to_dict()), delay_ms=decision.delay_ms,
        is_dead=decision.is_used_up, counts=decision.counts, taker=taker_of(catch, error.type),
        late_taker=taker_of(catch, ErrorType.TIMEOUT_SCHEDULE_TO_CLOSE),
    )  # fmt: skip
