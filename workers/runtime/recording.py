"""Builds the call that ends an attempt: outcome in, transition out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, NamedTuple, assert_never

import orjson

from headrace import Completed, Parked, Skipped, Terminal, Waiting
from orchestrator.definitions.branches import taker_of
from orchestrator.definitions.retry import ONE_ATTEMPT, RetryPolicy
from orchestrator.definitions.retry_decision import decide_retry
from orchestrator.documents import exact_json
from orchestrator.errors import ErrorType, NodeError
from orchestrator.states import Reason, WaitingOn
from orchestrator.store.replies import Claim, EndReply
from orchestrator.store.requests import AttemptToken, ClaimRequest
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from workers.excerpts import shown
from workers.outcome import Awaiting, AwaitingChild, Failed, Nesting, encode_output, from_exception
from workers.registry import default_retry
from workers.runtime.map_items import Mapped
from workers.runtime.runner import Result
from workers.runtime.work import ConditionFalse

#: Of a wait: prompt, form, schema, assignees.
MAX_ASK_BYTES = 256 * 1024
#: Errors of the time limits that the worker enforces.
_TIME_OUTS = (ErrorType.TIMEOUT_START_TO_CLOSE, ErrorType.TIMEOUT_HEARTBEAT)
_CONDITION_FALSE = b'{"reason":"condition_false"}'


def policy_of(spec: Mapping[str, Any]) -> RetryPolicy:
    """The node's own retry policy, else its handler's, else one attempt."""
    if wanted := spec["retry"] or spec["handler_retry"]:
        return RetryPolicy.from_stored(wanted)
    return default_retry(spec["handler"]) or ONE_ATTEMPT


def token_of(claim: Claim) -> AttemptToken:
    """Give what an attempt shows to be let write."""
    return AttemptToken(claim.execution_id, claim.node_id, claim.attempt, claim.nonce)


def end_call(
    transitions: Transitions,
    claim: Claim,
    spec: Mapping[str, Any],
    result: Result,
    *,
    output_max_bytes: int,
    reported: int = 0,
    claiming: ClaimRequest | None,
) -> Call[EndReply]:
    """Build the call that records the outcome of an attempt and claims what `claiming` asks for.

    reported  number of the last typed event that an attempt which has completed must have in the history.
    """
    ending = _Ending(transitions, token_of(claim), claim, spec, output_max_bytes, reported, claiming)
    try:
        return ending.of(result)
    except Terminal as fault:
        return ending.of(_failed(fault, claim))
    except Exception as error:
        # Whatever a handler managed to return must end its own attempt, and no other one.
        message = f"the outcome of the handler cannot be recorded: {type(error).__name__}: {error}"
        return ending.of(_failed(Terminal(message), claim))


class _Ending(NamedTuple):
    """One attempt about to end; `of` chooses the transition for an outcome."""

    transitions: Transitions
    token: AttemptToken
    claim: Claim
    spec: Mapping[str, Any]
    output_max_bytes: int
    reported: int
    claiming: ClaimRequest | None

    def of(self, result: Result) -> Call[EndReply]:
        """Build the call. Raises Terminal for an output or a wait that cannot be kept."""
        transitions, token, claiming = self.transitions, self.token, self.claiming
        match result:
            case Completed():
                output = self._output(result.output)
                return transitions.complete_node(
                    token, output, not_taken=result.not_taken, reported=self.reported, claiming=claiming
                )
            case Failed():
                return self._failure(result)
            case Skipped():
                data = orjson.dumps({"reason": str(Reason.HANDLER_SKIPPED), "message": result.reason})
                return transitions.skip_node(
                    token, reason=Reason.HANDLER_SKIPPED, data=data, claiming=claiming
                )
            case ConditionFalse():
                return transitions.skip_node(
                    token, reason=result.reason, data=_CONDITION_FALSE, claiming=claiming
                )
            case Waiting():
                return transitions.wait_node(
                    token,
                    on=WaitingOn(result.on),
                    delay_ms=result.delay_ms,
                    until_ms=result.until_ms,
                    output=self._output(result.output),
                    claiming=claiming,
                )
            case Parked():
                return transitions.await_letter(
                    token,
                    until_ms=result.until_ms,
                    waits_for=orjson.dumps(list(result.waits_for)),
                    claiming=claiming,
                )
            case Awaiting():
                _check_ask(result)
                taker = self._taker(ErrorType.CONFIG_ERROR)
                return transitions.await_node(token, result, crowded_taker=taker, claiming=claiming)
            case Nesting():
                taker = self._taker(ErrorType.CONFIG_ERROR)
                return transitions.start_child(token, result.child, deep_taker=taker, claiming=claiming)
            case AwaitingChild():
                return transitions.await_child(
                    token, result.child_id, looks_again=result.looks_again, claiming=claiming
                )
            case Mapped():
                return transitions.map_node(
                    token,
                    result.items or (),
                    tolerated=result.tolerated,
                    stops=result.stops,
                    keeps=result.items is None,
                    staged=result.staged,
                    claiming=claiming,
                )
            case _:
                assert_never(result)

    def _output(self, output: Any) -> bytes:
        return encode_output(output, max_bytes=self.output_max_bytes)

    def _failure(self, failed: Failed) -> Call[EndReply]:
        """Park the node for another try where its policy allows one, else fail it."""
        claim, error = self.claim, _encoded(failed.error, self.claim)
        decision = decide_retry(
            policy_of(self.spec),
            claim.tries,
            failed.error,
            counts=claim.counts,
            retry_after_ms=failed.retry_after_ms,
            random=random.random,
        )
        if decision.delay_ms is not None:
            return self.transitions.retry_node(
                self.token,
                error,
                delay_ms=decision.delay_ms,
                counts=decision.counts,
                late_taker=self._taker(ErrorType.TIMEOUT_SCHEDULE_TO_CLOSE),
                claiming=self.claiming,
            )
        reason = Reason.TIMEOUT if failed.error.type in _TIME_OUTS else Reason.ERROR
        # Used up, rather than refused: an operator may want to run it again.
        return self.transitions.fail_node(
            self.token,
            error,
            reason=reason,
            is_dead=decision.is_used_up,
            taker=self._taker(failed.error.type),
            claiming=self.claiming,
        )

    def _taker(self, error_type: str) -> str:
        return taker_of(self.claim.catch, error_type)


def _failed(fault: Terminal, claim: Claim) -> Failed:
    failed = from_exception(fault, attempt=claim.attempt)
    assert isinstance(failed, Failed)
    return failed


def _check_ask(waiting: Awaiting) -> None:
    """Raises Terminal when more is to be shown and checked than is kept of a wait."""
    size = len(exact_json.dumps(waiting.ask))
    if size > MAX_ASK_BYTES:
        message = f"what the wait shows and checks is {size:,} bytes; allowed are {MAX_ASK_BYTES:,}"
        raise Terminal(message, type=ErrorType.OUTPUT_TOO_LARGE)


def _encoded(error: NodeError, claim: Claim) -> bytes:
    fields = shown(error.to_dict())
    fields["attempt"] = claim.attempt
    try:
        return exact_json.dumps(fields)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps({**fields, "details": None, "message": repr(error.message)})
