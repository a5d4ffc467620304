"""What people and programs outside say to nodes that wait for it: signals and decisions."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.definitions.branches import WAIT_FOR_SIGNAL
from orchestrator.documents.json_schema import value_problems
from orchestrator.errors import (
    AlreadyDecided,
    AlreadyVoted,
    ApprovalNotFound,
    ExecutionNotFound,
    IdempotencyConflict,
    InvalidTransition,
    NodeNotFound,
    NotAssigned,
    NotWaiting,
    PayloadInvalid,
    PayloadTooLarge,
    Problem,
    ShownChanged,
    SignalsFull,
    StoreUnavailable,
)
from orchestrator.operations.results import Page
from orchestrator.operations.submissions import Idempotency
from orchestrator.redis_keys import SEPARATOR
from orchestrator.states import ExecutionStatus, sources_of
from orchestrator.store.reader import Store
from orchestrator.store.requests import Decision, Request
from orchestrator.store.transitions import Transitions
from orchestrator.store.waits import Approval, unit_in
from orchestrator.templates.references import is_template
from orchestrator.units import node_of

#: Largest payload of a signal, and largest filled-in form.
MAX_PAYLOAD_BYTES = 64 * 1024
#: Signals one execution keeps for waits to come; the script's own figure.
MOST_KEPT = 100
#: How often a payload is checked anew because others wait by the time it arrives.
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Signalled:
    """A signal that was taken. nodes: how many waited for it; 0: it is kept for one that comes later."""

    execution_id: str
    status: ExecutionStatus
    nodes: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was recorded. output: the node's, JSON; None while more approvals are needed."""

    execution_id: str
    node_id: str
    output: bytes | None
    given: int
    quorum: int
    replayed: bool


class Answering:
    """The part of the engine that takes answers."""

    store: Store
    transitions: Transitions

    async def signal(
        self, execution_id: str, name: str, payload: Any = None, *, idempotency: Idempotency | None = None
    ) -> Signalled:
        """Give a signal to every node that waits for its name, or keep it for the first that will.

        payload  JSON, 64 KiB at most. The same idempotency key again gets the same answer.
        Raises ExecutionNotFound, InvalidTransition once the execution has ended, PayloadInvalid when it does
        not fit what a waiting node asks for (then nobody gets it), or, where none waits, fits no node of the
        definition that will wait for the name; PayloadTooLarge, SignalsFull,
        IdempotencyConflict.
        """
        text = _bounded(payload, "payload")
        request = _request(idempotency, name.encode() + b"\n" + text)
        for _ in range(_ROUNDS):
            waiting, schemas = await self.store.waits.for_signal(execution_id, name)
            if schemas:
                asked = {orjson.dumps(schema): schema for schema in schemas.values()}.values()
                problems = [
                    each for schema in asked for each in value_problems(schema or {}, payload, "payload")
                ]
            else:
                problems = await self._problems_to_come(execution_id, name, payload)
            if problems and not await self._was_signalled(execution_id, request):
                await self._refuse_ended(execution_id)
                raise PayloadInvalid(problems)
            word, status, nodes, more = await self.transitions.signal_execution(
                execution_id, name, text, request=request, waiting=waiting
            )
            if word != "moved":
                break
        else:
            raise StoreUnavailable(f"too many nodes begin and end to wait for signal {name!r}")
        if word == "unknown":
            raise ExecutionNotFound(execution_id)
        if word in ("terminal", "cancelling"):
            found = "being cancelled" if word == "cancelling" else status
            raise InvalidTransition("signal", execution_id, found, _open())
        if word == "full":
            raise SignalsFull(execution_id, name, MOST_KEPT)
        if word == "conflict":
            raise IdempotencyConflict(idempotency.key if idempotency else "")
        if more:
            await self.transitions.drain_worklist(execution_id)
            status = await self.store.status(execution_id) or status
        return Signalled(execution_id, ExecutionStatus(status), nodes, word == "replayed")

    async def decide(
        self,
        execution_id: str,
        node_id: str,
        *,
        decision: Decision,
        by: str,
        shown: str,
        form: Any = None,
        idempotency: Idempotency | None = None,
    ) -> Decided:
        """Record what somebody decided about an approval, for what it showed.

        shown  the hash the approval was read with: a decision about something else is void.
        form   what was filled in; checked by the approval's own schema, of a denial only where given.
        A denial decides at once, approvals when as many different people as the quorum have approved.
        Raises ExecutionNotFound, NodeNotFound, ApprovalNotFound, NotAssigned, PayloadInvalid,
        PayloadTooLarge, ShownChanged, AlreadyDecided, AlreadyVoted, NotWaiting, IdempotencyConflict.
        """
        text = _bounded(form, "form")
        said = orjson.dumps([decision, by, shown, form])
        request = _request(idempotency, said)
        for _ in range(_ROUNDS):
            approval = await self.approval(execution_id, node_id)
            is_checked = approval.is_pending and approval.shown == shown
            if is_checked:
                text = _filled_in(approval, decision, by, form)
            word, replayed, told, given, more = await self.transitions.decide_approval(
                execution_id,
                node_id,
                # A hash that no approval has: what was not checked here must not be decided there.
                shown=shown if is_checked else f"not:{shown[:100]}",
                decision=decision,
                by=orjson.dumps(by),
                voter=_digest(by.encode()),
                form=text,
                request=request,
            )
            if is_checked or word != "changed" or told != shown:
                break
        else:
            raise StoreUnavailable(f"approval {node_id!r} begins and ends to wait too often")
        if word not in ("decided", "counted"):
            raise self._refusal(approval, word, told, by=by, given=given, idempotency=idempotency)
        if more:
            await self.transitions.drain_worklist(execution_id)
        output = told.encode() if told else None
        return Decided(execution_id, node_id, output, given, approval.quorum, bool(replayed))

    async def approval(self, execution_id: str, node_id: str) -> Approval:
        """One approval, pending or decided. Raises ExecutionNotFound, NodeNotFound, ApprovalNotFound."""
        (found,) = await self.store.waits.approvals([(execution_id, node_id)])
        if found is not None:
            return found
        execution = await self.store.execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        definition = await self.store.definition(execution_id, execution.version)
        if node_of(node_id) not in definition.by_id:
            raise NodeNotFound(execution_id, node_id)
        raise ApprovalNotFound(execution_id, node_id)

    async def approvals(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Approvals nobody has decided, those that wait longest first. Raises ValueError for a bad cursor."""
        moment, _, after = (cursor or "0").partition(".")
        if not moment.isdigit() or len(moment) > 15:
            raise ValueError(f"bad cursor {cursor!r}: take next_cursor from the page before")
        after_ms, after, offset = int(moment), after.replace(":", SEPARATOR), 0
        last: str | None = None
        items: list[Approval] = []
        while True:
            rows, count = await self.store.waits.pending(after_ms, after, offset)
            units = [(member, score, unit) for member, score in rows if (unit := unit_in(member)) is not None]
            found = await self.store.waits.approvals([unit for _, _, unit in units])
            for (member, score, _), approval in zip(units, found, strict=True):
                if approval is None or not approval.is_pending:
                    continue
                if len(items) == limit:
                    return Page(items, last)
                items.append(approval)
                last = f"{score}.{member.replace(SEPARATOR, ':')}"
            if not count:
                return Page(items, None)
            offset += count

    def _refusal(
        self,
        approval: Approval,
        word: str,
        told: str,
        *,
        by: str,
        given: int,
        idempotency: Idempotency | None,
    ) -> Exception:
        execution_id, node_id = approval.execution_id, approval.node_id
        match word:
            case "unknown":
                return ExecutionNotFound(execution_id)
            case "over":
                return AlreadyDecided(execution_id, node_id, orjson.loads(told) if told else None)
            case "changed":
                return ShownChanged(execution_id, node_id, told)
            case "voted":
                return AlreadyVoted(execution_id, node_id, by, given)
            case "conflict":
                return IdempotencyConflict(idempotency.key if idempotency else "")
            case _:
                return NotWaiting(execution_id, node_id, told)

    async def _was_signalled(self, execution_id: str, request: Request) -> bool:
        """Say whether a request was taken before: then it is answered, whoever waits by now."""
        return await self.store.waits.knows(execution_id, request.key)

    async def _problems_to_come(self, execution_id: str, name: str, payload: Any) -> list[Problem]:
        """What is wrong with a payload for every node that will wait for the name, as the definition says;
        nothing where only a run can say what a node waits for."""
        execution = await self.store.execution(execution_id)
        if execution is None:
            return []
        definition = await self.store.definition(execution_id, execution.version)
        found: list[Problem] = []
        for config in (node.config for node in definition.nodes if node.handler == WAIT_FOR_SIGNAL):
            schema = config.get("schema") or {}
            if is_template(config["name"]) or (config["name"] == name and _is_rendered(schema)):
                return []
            if config["name"] == name:
                problems = value_problems(schema, payload, "payload")
                if not problems:
                    return []
                found = found or problems
        return found

    async def _refuse_ended(self, execution_id: str) -> None:
        status = await self.store.status(execution_id)
        if status is None:
            raise ExecutionNotFound(execution_id)
        if status.is_terminal:
            raise InvalidTransition("signal", execution_id, status, _open())


def _filled_in(approval: Approval, decision: Decision, by: str, form: Any) -> bytes:
    """The form as it is recorded. Raises NotAssigned, PayloadInvalid, PayloadTooLarge."""
    if approval.assignees is not None and by not in approval.assignees:
        raise NotAssigned(approval.execution_id, approval.node_id, by, approval.assignees)
    if approval.form is not None and (decision == "approve" or form is not None):
        form = {} if form is None else form
        problems = value_problems(approval.form, form, "form")
        if problems:
            raise PayloadInvalid(problems)
    return _bounded(form, "form")


def _is_rendered(schema: Any) -> bool:
    """Say whether a run fills in parts of a schema."""
    return is_template(orjson.dumps(schema).decode())


def _open() -> tuple[str, ...]:
    return sources_of("cancel_execution", "execution")


def _bounded(value: Any, what: str) -> bytes:
    """Write a value as JSON. Raises PayloadInvalid, PayloadTooLarge."""
    try:
        text = orjson.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadInvalid([Problem(what, "not_json", f"the {what} is not JSON: {error}")]) from error
    if len(text) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(what, len(text), MAX_PAYLOAD_BYTES)
    return text


def _request(idempotency: Idempotency | None, said: bytes) -> Request:
    """Name a request; one without a key of its own is like no other."""
    call_id = uuid.uuid4().hex
    named = f"{idempotency.route}\n{idempotency.key}".encode() if idempotency else call_id.encode()
    return Request(_digest(named), _digest(said), call_id)


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:40]
