"""Chooses the transition that ends an attempt: outcome in, call out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import orjson

from orchestrator.answer_verbs import Wait
from orchestrator.back_off import judge
from orchestrator.courier import Call
from orchestrator.errors import ErrorType, NodeError
from orchestrator.replies import Claim, Ended
from orchestrator.retry import ONE_ATTEMPT, RetryPolicy
from orchestrator.states import Reason, WaitingOn
from orchestrator.transitions import Holding, Take, Transitions
from workers.mapping import Mapped
from workers.outcome import (
    Awaiting,
    AwaitingChild,
    Completed,
    Failed,
    Nesting,
    Skipped,
    Terminal,
    Waiting,
    encode_output,
    from_exception,
)
from workers.registry import default_retry
from workers.runner import ConditionFalse, Result

#: What is kept of a wait: prompt, form, schema, the people asked.
MAX_ASK_BYTES = 256 * 1024
#: Limits that the worker keeps.
_TIME_OUTS = (ErrorType.TIMEOUT_START_TO_CLOSE, ErrorType.TIMEOUT_HEARTBEAT)
_CONDITION_FALSE = b'{"reason":"condition_false"}'


def policy_of(spec: Mapping[str, Any]) -> RetryPolicy:
    """The node's own retry policy, else its handler's, else one attempt."""
    if wanted := spec["retry"] or spec["handler_retry"]:
        return RetryPolicy.from_dict(wanted)
    return default_retry(spec["handler"]) or ONE_ATTEMPT


def holding_of(claim: Claim) -> Holding:
    return Holding(claim.execution_id, claim.node_id, claim.attempt, claim.nonce)


def ending(
    transitions: Transitions,
    claim: Claim,
    spec: Mapping[str, Any],
    result: Result,
    *,
    output_max_bytes: int,
    take: Take | None,
) -> Call[Ended]:
    """Give the call that records what an attempt came to, and asks for further tasks if `take` says so."""
    try:
        return _ending(transitions, claim, spec, result, output_max_bytes, take)
    except Exception as error:
        # Whatever a handler managed to return must end its own attempt, and nobody else's.
        fault = Terminal(f"the outcome of the handler cannot be recorded: {type(error).__name__}: {error}")
        refused = from_exception(fault, attempt=claim.attempt)
        assert isinstance(refused, Failed)
        return _failure(transitions, holding_of(claim), claim, spec, refused, take)


def _ending(
    transitions: Transitions,
    claim: Claim,
    spec: Mapping[str, Any],
    result: Result,
    output_max_bytes: int,
    take: Take | None,
) -> Call[Ended]:
    holding = holding_of(claim)
    if isinstance(result, (Completed, Waiting)):
        try:
            output = encode_output(result.output, max_bytes=output_max_bytes)
        except Terminal as error:
            refused = from_exception(error, attempt=claim.attempt)
            assert isinstance(refused, Failed)
            return _failure(transitions, holding, claim, spec, refused, take)
        if isinstance(result, Completed):
            return transitions.complete_node(holding, output, not_taken=result.not_taken, take=take)
        return transitions.wait_node(
            holding,
            on=WaitingOn(result.on),
            delay_ms=result.delay_ms,
            until_ms=result.until_ms,
            output=output,
            take=take,
        )
    if isinstance(result, Awaiting):
        return transitions.await_node(holding, _wait(claim, result), take=take)
    if isinstance(result, Nesting):
        return transitions.start_child(holding, result.child, take=take)
    if isinstance(result, AwaitingChild):
        return transitions.await_child(holding, result.child_id, looks_again=result.looks_again, take=take)
    if isinstance(result, Mapped):
        return transitions.map_node(
            holding,
            result.items or (),
            tolerated=result.tolerated,
            stops=result.stops,
            keeps=result.items is None,
            take=take,
        )
    if isinstance(result, ConditionFalse):
        return transitions.skip_node(holding, reason=result.reason, data=_CONDITION_FALSE, take=take)
    if isinstance(result, Skipped):
        data = orjson.dumps({"reason": str(Reason.HANDLER_SKIPPED), "message": result.reason})
        return transitions.skip_node(holding, reason=Reason.HANDLER_SKIPPED, data=data, take=take)
    return _failure(transitions, holding, claim, spec, result, take)


def _failure(
    transitions: Transitions,
    holding: Holding,
    claim: Claim,
    spec: Mapping[str, Any],
    failed: Failed,
    take: Take | None,
) -> Call[Ended]:
    policy = policy_of(spec)
    verdict = judge(
        policy,
        claim.tries,
        failed.error,
        counts=claim.counts,
        retry_after_ms=failed.retry_after_ms,
        random=random.random,
    )
    error = _encoded(failed.error, claim)
    if verdict.delay_ms is not None:
        return transitions.retry_node(
            holding, error, delay_ms=verdict.delay_ms, counts=verdict.counts, take=take
        )
    reason = Reason.TIMEOUT if failed.error.type in _TIME_OUTS else Reason.ERROR
    # Used up, rather than refused: an operator may want to run it again.
    return transitions.fail_node(holding, error, reason=reason, is_dead=verdict.is_used_up, take=take)


def _wait(claim: Claim, waiting: Awaiting) -> Wait:
    """Put a wait into the words of `await_node`. Raises Terminal when too much is asked."""
    ask = orjson.dumps(waiting.ask)
    if len(ask) > MAX_ASK_BYTES:
        message = f"what the wait shows and checks is {len(ask):,} bytes; allowed are {MAX_ASK_BYTES:,}"
        raise Terminal(message, type=ErrorType.OUTPUT_TOO_LARGE)
    crowded = f"too many nodes of this execution wait for the signal '{waiting.awaits}' (500)"
    is_fatal = isinstance(waiting.late, NodeError)
    return Wait(
        on=waiting.on,
        awaits=waiting.awaits,
        ask=ask,
        timeout_ms=waiting.timeout_ms,
        is_fatal=is_fatal,
        late=_encoded(waiting.late, claim)
        if isinstance(waiting.late, NodeError)
        else orjson.dumps(waiting.late),
        crowded=_encoded(NodeError(ErrorType.CONFIG_ERROR, crowded, False), claim),
        quorum=waiting.quorum,
        unless_late=waiting.unless_late,
        if_late=waiting.if_late,
    )


def _encoded(error: NodeError, claim: Claim) -> bytes:
    fields = error.to_dict()
    fields["attempt"] = claim.attempt
    try:
        return orjson.dumps(fields)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps({**fields, "details": None, "message": repr(error.message)})
