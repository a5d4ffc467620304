"""Chooses the transition that ends an attempt: outcome in, call out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import orjson

from orchestrator.definitions.backoff import decide_retry
from orchestrator.definitions.retry import ONE_ATTEMPT, RetryPolicy
from orchestrator.errors import ErrorType, NodeError
from orchestrator.states import Reason, WaitingOn
from orchestrator.store.replies import Claim, EndReply
from orchestrator.store.requests import AttemptToken, ClaimRequest
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
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
from workers.runtime.map_items import Mapped
from workers.runtime.runner import ConditionFalse, Result

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


def holding_of(claim: Claim) -> AttemptToken:
    return AttemptToken(claim.execution_id, claim.node_id, claim.attempt, claim.nonce)


def ending(
    transitions: Transitions,
    claim: Claim,
    spec: Mapping[str, Any],
    result: Result,
    *,
    output_max_bytes: int,
    claiming: ClaimRequest | None,
) -> Call[EndReply]:
    """Give the call that records what an attempt came to, and asks for further tasks if `take` says so."""
    try:
        return _ending(transitions, claim, spec, result, output_max_bytes, claiming)
    except Exception as error:
        # Whatever a handler managed to return must end its own attempt, and nobody else's.
        fault = Terminal(f"the outcome of the handler cannot be recorded: {type(error).__name__}: {error}")
        refused = from_exception(fault, attempt=claim.attempt)
        assert isinstance(refused, Failed)
        return _failure(transitions, holding_of(claim), claim, spec, refused, claiming)


def _ending(
    transitions: Transitions,
    claim: Claim,
    spec: Mapping[str, Any],
    result: Result,
    output_max_bytes: int,
    claiming: ClaimRequest | None,
) -> Call[EndReply]:
    token = holding_of(claim)
    if isinstance(result, (Completed, Waiting)):
        try:
            output = encode_output(result.output, max_bytes=output_max_bytes)
        except Terminal as error:
            refused = from_exception(error, attempt=claim.attempt)
            assert isinstance(refused, Failed)
            return _failure(transitions, token, claim, spec, refused, claiming)
        if isinstance(result, Completed):
            return transitions.complete_node(token, output, not_taken=result.not_taken, claiming=claiming)
        return transitions.wait_node(
            token,
            on=WaitingOn(result.on),
            delay_ms=result.delay_ms,
            until_ms=result.until_ms,
            output=output,
            claiming=claiming,
        )
    if isinstance(result, Awaiting):
        _check_ask(result)
        return transitions.await_node(token, result, claiming=claiming)
    if isinstance(result, Nesting):
        return transitions.start_child(token, result.child, claiming=claiming)
    if isinstance(result, AwaitingChild):
        return transitions.await_child(
            token, result.child_id, looks_again=result.looks_again, claiming=claiming
        )
    if isinstance(result, Mapped):
        return transitions.map_node(
            token,
            result.items or (),
            tolerated=result.tolerated,
            stops=result.stops,
            keeps=result.items is None,
            claiming=claiming,
        )
    if isinstance(result, ConditionFalse):
        return transitions.skip_node(token, reason=result.reason, data=_CONDITION_FALSE, claiming=claiming)
    if isinstance(result, Skipped):
        data = orjson.dumps({"reason": str(Reason.HANDLER_SKIPPED), "message": result.reason})
        return transitions.skip_node(token, reason=Reason.HANDLER_SKIPPED, data=data, claiming=claiming)
    return _failure(transitions, token, claim, spec, result, claiming)


def _failure(
    transitions: Transitions,
    token: AttemptToken,
    claim: Claim,
    spec: Mapping[str, Any],
    failed: Failed,
    claiming: ClaimRequest | None,
) -> Call[EndReply]:
    policy = policy_of(spec)
    verdict = decide_retry(
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
            token, error, delay_ms=verdict.delay_ms, counts=verdict.counts, claiming=claiming
        )
    reason = Reason.TIMEOUT if failed.error.type in _TIME_OUTS else Reason.ERROR
    # Used up, rather than refused: an operator may want to run it again.
    return transitions.fail_node(token, error, reason=reason, is_dead=verdict.is_used_up, claiming=claiming)


def _check_ask(waiting: Awaiting) -> None:
    """Raises Terminal when more is to be shown and checked than is kept of a wait."""
    size = len(orjson.dumps(waiting.ask))
    if size > MAX_ASK_BYTES:
        message = f"what the wait shows and checks is {size:,} bytes; allowed are {MAX_ASK_BYTES:,}"
        raise Terminal(message, type=ErrorType.OUTPUT_TOO_LARGE)


def _encoded(error: NodeError, claim: Claim) -> bytes:
    fields = error.to_dict()
    fields["attempt"] = claim.attempt
    try:
        return orjson.dumps(fields)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps({**fields, "details": None, "message": repr(error.message)})
