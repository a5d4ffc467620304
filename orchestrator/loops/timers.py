"""Fires what is due: back-offs, delays, holds, time-outs, deadlines, the end of a grace, saved worklists."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import orjson

from orchestrator.definitions.branches import taker_of
from orchestrator.definitions.retry import ONE_ATTEMPT, RetryPolicy
from orchestrator.definitions.retry_decision import decide_retry
from orchestrator.errors import ErrorType, NodeError
from orchestrator.execution.unfinished import unfinished_words
from orchestrator.executor import drain_apart
from orchestrator.store.reader import Due, Store
from orchestrator.store.script_client import Call, is_fault
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
#: Nodes of an execution whose time is over that are read, to name those that have not ended.
MOST_READ = 500
#: Such executions in one tick: where more of them end at once, timers of others do not wait for the words.
MOST_WORDED = 50
#: How long the timer of an execution that is damaged stands back behind those of all others.
PUT_OFF_MS = 60_000


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
    over = [timer for timer in due if timer.kind == "execution_timeout"][:MOST_WORDED]
    open_of = dict(zip(over, await asyncio.gather(*(_unfinished(store, each) for each in over)), strict=True))
    fired: list[Due] = []
    damaged: list[Due] = []
    calls: list[Call[tuple[str, bool]]] = []
    for timer in due:
        try:
            spec, unfinished = spec_of.get(timer, {}), open_of.get(timer, "")
            calls.append(_call(transitions, timer, spec, unfinished))
            fired.append(timer)
        except Exception:
            # A record that cannot be read must not keep the timers of all other executions from firing.
            log.exception("timer.fault", extra={"execution_id": timer.execution_id, "kind": timer.kind})
            damaged.append(timer)
    answers = await transitions.call_all(calls, are_apart=True)
    for timer, answer in zip(fired, answers, strict=True):
        if is_fault(answer):
            damaged.append(timer)
        elif not isinstance(answer, Exception) and answer[1]:
            await drain_apart(transitions, timer.execution_id)
    await store.put_off("timers", [timer.member for timer in damaged], now_ms + PUT_OFF_MS)
    return len(due)


async def _unfinished(store: Store, timer: Due) -> str:
    """Name the nodes that have not ended; "" where that would be too much to read, or cannot be read."""
    try:
        execution = await store.execution(timer.execution_id)
        if execution is None or execution.total is None or execution.total > MOST_READ:
            return ""
        definition = await store.definition(timer.execution_id, execution.version)
        states = await store.nodes(timer.execution_id, [node.id for node in definition.nodes])
        return unfinished_words(definition, states)
    except Exception:
        # Its time is over in any case; the words are for people.
        log.exception("timer.unread", extra={"execution_id": timer.execution_id, "kind": timer.kind})
        return ""


def _call(
    transitions: Transitions, timer: Due, spec: dict[str, Any], unfinished: str
) -> Call[tuple[str, bool]]:
    execution_id, node_id = timer.execution_id, timer.node_id
    taker = _taker(timer, spec)
    match timer.kind:
        case "continue":
            return transitions.continue_execution(execution_id)
        case "execution_timeout":
            message = "the execution passed its deadline" + (unfinished and f"; not ended: {unfinished}")
            error = NodeError(ErrorType.TIMEOUT_EXECUTION, message, retryable=False)
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
