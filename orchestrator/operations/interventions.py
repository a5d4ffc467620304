"""What operators do to executions: pause and resume the whole, end one node by hand or retry it now."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.definitions.branches import not_taken_for
from orchestrator.definitions.budgets import NO_CAPS, Caps
from orchestrator.errors import (
    AttemptChanged,
    ErrorType,
    ExecutionNotFound,
    IdempotencyConflict,
    InvalidTransition,
    NodeBusy,
    NodeError,
    NodeNotFound,
    OutputRefused,
    PayloadTooLarge,
    Problem,
    StoreUnavailable,
)
from orchestrator.operations.results import ExecutionView
from orchestrator.operations.submissions import Idempotency
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn, sources_of
from orchestrator.store.reader import Store
from orchestrator.store.requests import ByHand, Word
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from orchestrator.units import index_of, node_of

#: Largest output somebody may give a node.
MAX_OUTPUT_BYTES = 1024 * 1024
#: How often saved turns are drained before a pause or resume is given up.
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause or resume that was taken; `already` when it was taken before, or changes nothing."""

    execution_id: str
    status: ExecutionStatus
    already: bool


@dataclass(frozen=True, slots=True)
class NodeResult:
    """Where a node stands after an operator's word. attempt: its number now; a fenced one raised it."""

    execution_id: str
    node_id: str
    status: NodeStatus
    attempt: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class OperatorNote:
    """Who asks for something, and why; both are kept in the history.

    attempt  the attempt the request is meant for; None for whatever it is.
    """

    by: str
    reason: str | None = None
    attempt: int | None = None


class Intervening:
    """The part of the engine for interventions."""

    store: Store
    transitions: Transitions

    async def pause(
        self, execution_id: str, *, by: str | None = None, reason: str | None = None, request_id: str
    ) -> Paused:
        """Start nothing more; what runs goes on to its end, and what becomes ready is held.

        The same request again, and any while it is paused, changes nothing.
        Raises ExecutionNotFound, and InvalidTransition when it is not RUNNING or being cancelled.
        """
        for _ in range(_ROUNDS):
            word, status = await self.transitions.pause_execution(
                execution_id, by=orjson.dumps(by), reason=orjson.dumps(reason), request=_digest(request_id)
            )
            if word != "busy":
                return _paused("pause", execution_id, word, status)
            await self.transitions.drain_worklist(execution_id)
        raise StoreUnavailable(f"execution {execution_id} goes on too fast to be paused")

    async def resume(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        budget: Caps = NO_CAPS,
        request_id: str,
    ) -> Paused:
        """Queue what was held, in order, and go on. Raises as `pause` does, when it is not PAUSED.

        budget  what its calls to paid services may use from now on; None leaves a limit as it was.
        """
        said = {"by": orjson.dumps(by), "reason": orjson.dumps(reason)}
        for _ in range(_ROUNDS):
            word, status, more = await self.transitions.resume_execution(
                execution_id, **said, request=_digest(request_id), budget=budget
            )
            if more:
                await self.transitions.drain_worklist(execution_id)
                status = await self.store.status(execution_id) or status
            if word != "busy":
                return _paused("resume", execution_id, word, status)
        raise StoreUnavailable(f"execution {execution_id} goes on too fast to be resumed")

    async def is_quiesced(self, view: ExecutionView) -> bool:
        """Say whether an execution is PAUSED and nothing of it runs any more."""
        if view.execution.status is not ExecutionStatus.PAUSED:
            return False
        if any(state.status is NodeStatus.RUNNING for state in view.nodes):
            return False
        execution_id = view.execution.execution_id
        mapped = [state.node_id for state in view.nodes if state.waiting_on is WaitingOn.MAP]
        counts = await self.store.items.counts(execution_id, mapped)
        for node_id, found in counts.items():
            if NodeStatus.RUNNING in await self.store.items.statuses(execution_id, node_id, found.started):
                return False
        return True

    async def complete_node(
        self,
        execution_id: str,
        node_id: str,
        output: Any,
        said: OperatorNote,
        idempotency: Idempotency | None = None,
    ) -> NodeResult:
        """Complete a node, or an item such as `fetch[3]`, with this output; a running attempt is fenced.

        Raises ExecutionNotFound, NodeNotFound, NodeBusy, AttemptChanged, IdempotencyConflict,
        PayloadTooLarge, and OutputRefused for a condition or switch when the output names no branch.
        """
        try:
            text = orjson.dumps(output)
        except (TypeError, ValueError, RecursionError) as error:
            problem = Problem("output", "not_json", f"the output cannot be kept as JSON: {error}")
            raise OutputRefused([problem]) from error
        if len(text) > MAX_OUTPUT_BYTES:
            raise PayloadTooLarge("output", len(text), MAX_OUTPUT_BYTES)
        execution = await self.store.execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        definition = await self.store.definition(execution_id, execution.version)
        node = definition.by_id.get(node_of(node_id))
        if node is None:
            raise NodeNotFound(execution_id, node_id)
        not_taken = not_taken_for(node, output) if index_of(node_id) is None else ()
        return await self._override(execution_id, node_id, "complete", text, said, idempotency, not_taken)

    async def fail_node(
        self,
        execution_id: str,
        node_id: str,
        said: OperatorNote,
        *,
        type: str | None = None,
        message: str | None = None,
        idempotency: Idempotency | None = None,
    ) -> NodeResult:
        """Fail a node for good; its catch, and `on_exhausted: continue`, hold as for any failure.

        type  the error's, `Operator` without one: what a catch looks at.
        Raises as `complete_node` does.
        """
        error = NodeError(
            type or ErrorType.OPERATOR,
            message or said.reason or f"failed by {said.by}",
            retryable=False,
            details={"by": said.by, "reason": said.reason},
        )
        text = orjson.dumps(error.to_dict())
        return await self._override(execution_id, node_id, "fail", text, said, idempotency)

    async def skip_node(
        self, execution_id: str, node_id: str, said: OperatorNote, *, idempotency: Idempotency | None = None
    ) -> NodeResult:
        """Skip a node, with the reason `operator`. Raises as `complete_node` does."""
        return await self._override(execution_id, node_id, "skip", b"", said, idempotency)

    async def retry_node_now(
        self, execution_id: str, node_id: str, said: OperatorNote, *, idempotency: Idempotency | None = None
    ) -> NodeResult:
        """End a node's wait for time, a worker or an operator: a delay completes, all else is tried now.

        In a paused execution it is held until the resume. Raises as `complete_node` does.
        """
        by_hand = _by_hand("retry", said, b"", idempotency)
        call = self.transitions.retry_node_now(execution_id, node_id, by_hand=by_hand)
        return await self._handled("retry", execution_id, node_id, call, said, idempotency)

    async def _override(
        self,
        execution_id: str,
        node_id: str,
        word: Word,
        payload: bytes,
        said: OperatorNote,
        idempotency: Idempotency | None,
        not_taken: tuple[str, ...] = (),
    ) -> NodeResult:
        call = self.transitions.override_node(
            execution_id,
            node_id,
            word,
            payload,
            by_hand=_by_hand(word, said, payload, idempotency),
            not_taken=not_taken,
        )
        return await self._handled(word, execution_id, node_id, call, said, idempotency)

    async def _handled(
        self,
        verb: str,
        execution_id: str,
        node_id: str,
        call: Call[list[Any]],
        said: OperatorNote,
        idempotency: Idempotency | None,
    ) -> NodeResult:
        for _ in range(_ROUNDS):
            word, status, attempt, more = await call
            if more:
                await self.transitions.drain_worklist(execution_id)
            if word != "busy":
                break
        else:
            raise StoreUnavailable(f"execution {execution_id} goes on too fast to be met")
        if word in ("ok", "replayed"):
            return NodeResult(execution_id, node_id, NodeStatus(status), attempt, word == "replayed")
        if word == "unknown":
            raise ExecutionNotFound(execution_id)
        if word == "unknown_node":
            raise NodeNotFound(execution_id, node_id)
        if word == "conflict":
            raise IdempotencyConflict(idempotency.key if idempotency else "")
        if word == "attempt" and said.attempt is not None:
            raise AttemptChanged(verb, execution_id, node_id, meant=said.attempt, found=attempt)
        if word == "cancelling":
            found = "its execution is being cancelled"
        elif word == "closed":
            words = " or ".join(sources_of("time_out_execution", "execution"))
            found = f"its execution is {status}, not {words}"
        elif word == "items":
            found = f"it waits for its items; {verb} each of them ({node_id}[0], …), or cancel the execution"
        elif word == "awaits":
            found = f"it waits for {status or 'something it does not name'}; complete, fail or skip it"
        else:
            found = f"it is {status}"
        raise NodeBusy(verb, execution_id, node_id, found)


def _paused(verb: str, execution_id: str, word: str, status: str) -> Paused:
    if word == "unknown":
        raise ExecutionNotFound(execution_id)
    allowed = sources_of(f"{verb}_execution", "execution")
    if word in ("refused", "cancelling"):
        found = "being cancelled" if word == "cancelling" else status
        raise InvalidTransition(verb, execution_id, found, allowed)
    return Paused(execution_id, ExecutionStatus(status), word == "already")


def _by_hand(verb: str, said: OperatorNote, payload: bytes, idempotency: Idempotency | None) -> ByHand:
    call_id = uuid.uuid4().hex
    named = f"{idempotency.route}\n{idempotency.key}" if idempotency else call_id
    carried = orjson.dumps([verb, said.by, said.reason, said.attempt]) + payload
    return ByHand(
        attempt=said.attempt,
        key=_digest(named),
        digest=hashlib.sha256(carried).hexdigest()[:40],
        call_id=call_id,
        said=orjson.dumps({"by": said.by, "reason": said.reason}),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
