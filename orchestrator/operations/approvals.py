"""`engine.approvals`: read approvals, and decide them."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.errors import (
    AlreadyDecided,
    AlreadyVoted,
    ApprovalNotFound,
    ExecutionNotFound,
    HeadraceError,
    IdempotencyConflict,
    NodeNotFound,
    NotAssigned,
    NotWaiting,
    PayloadInvalid,
    ShownChanged,
    TooBusy,
)
from orchestrator.execution.model import Approval
from orchestrator.operations.cursors import read_position
from orchestrator.operations.owner import Owner
from orchestrator.operations.payloads import payload_json
from orchestrator.operations.results import Decided, Page
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.redis_keys import SEPARATOR
from orchestrator.store.reader import Store
from orchestrator.store.requests import Decision, Idempotency, digest_of
from orchestrator.store.transitions import Transitions
from orchestrator.store.waits import unit_in
from orchestrator.units import node_of

#: How often a decision is checked again because its approval has changed.
ROUNDS = 20


class Approvals:
    """The approvals that nodes have asked for, pending or decided, by execution and node."""

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        owner: Owner,
        *,
        checks: SchemaChecks | None = None,
    ) -> None:
        self._checks = checks or SchemaChecks()
        self._store = store
        self._owner = owner
        self._transitions = transitions

    async def get(self, execution_id: str, node_id: str) -> Approval:
        """Read an approval, pending or decided. Raises ExecutionNotFound, NodeNotFound, ApprovalNotFound."""
        execution_id = await self._owner.execution(execution_id)
        (found,) = await self._store.waits.approvals(self._owner.tenant, [(execution_id, node_id)])
        if found is not None:
            return found
        execution = await self._store.execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        definition = await self._store.definition(execution_id, execution.version)
        if node_of(node_id) not in definition.by_id:
            raise NodeNotFound(execution_id, node_id)
        raise ApprovalNotFound(execution_id, node_id)

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
        """Record a decision about an approval, for what it showed.

        shown  the hash the approval was read with: a decision about something else is void.
        form   what was filled in; checked by the approval's own schema, of a denial only where given.
        A denial decides at once, approvals when as many different people as the quorum have approved.
        Raises ExecutionNotFound, NodeNotFound, ApprovalNotFound, NotAssigned, PayloadInvalid,
        PayloadTooLarge, ShownChanged, AlreadyDecided, AlreadyVoted, NotWaiting, IdempotencyConflict.
        """
        execution_id = await self._owner.execution(execution_id)
        text = payload_json(form, "form")
        idempotency = idempotency or Idempotency.unnamed()
        for _ in range(ROUNDS):
            approval = await self.get(execution_id, node_id)
            is_checked = approval.is_pending and approval.shown == shown
            if is_checked:
                text = await self._checked_form(approval, decision, by, form)
            async with self._transitions.durable():
                word, replayed, reply, given, more = await self._transitions.decide_approval(
                    execution_id,
                    node_id,
                    # A hash that no approval has: what was not checked here must not be decided there.
                    shown=shown if is_checked else f"not:{shown[:100]}",
                    decision=decision,
                    by=orjson.dumps(by),
                    voter=digest_of(by),
                    form=text,
                    idempotency=idempotency,
                )
            if is_checked or word != "changed" or reply != shown:
                break
        else:
            raise TooBusy(
                f"approval {node_id!r} changed {ROUNDS} times while this decision was checked; try again"
            )
        if word == "conflict":
            raise IdempotencyConflict(idempotency.name)
        if word not in ("decided", "counted"):
            raise _refusal(approval, word, reply, by=by, given=given)
        if more:
            await self._transitions.drain_worklist(execution_id)
        output = reply.encode() if reply else None
        return Decided(execution_id, node_id, output, given, approval.quorum, bool(replayed))

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        """List pending approvals, those that wait longest first. Raises CursorInvalid."""
        after_ms, after = read_position(cursor) or (0, "")
        tenant = self._owner.tenant
        after, offset = after.replace(":", SEPARATOR), 0
        last: str | None = None
        items: list[Approval] = []
        while True:
            rows, count = await self._store.waits.pending(tenant, after_ms, after, offset)
            units = [(member, score, unit) for member, score in rows if (unit := unit_in(member)) is not None]
            found = await self._store.waits.approvals(tenant, [unit for _, _, unit in units])
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

    async def _checked_form(self, approval: Approval, decision: Decision, by: str, form: Any) -> bytes:
        """Check who decides, and what was filled in; gives the form as it is recorded.

        Raises NotAssigned, PayloadInvalid, PayloadTooLarge.
        """
        if approval.assignees is not None and by not in approval.assignees:
            raise NotAssigned(approval.execution_id, approval.node_id, by, approval.assignees)
        if approval.form is not None and (decision == "approve" or form is not None):
            form = {} if form is None else form
            problems = await self._checks.problems(approval.form, form, "form")
            if problems:
                raise PayloadInvalid(problems)
        return payload_json(form, "form")


def _refusal(approval: Approval, word: str, reply: str, *, by: str, given: int) -> HeadraceError:
    execution_id, node_id = approval.execution_id, approval.node_id
    match word:
        case "unknown":
            return ExecutionNotFound(execution_id)
        case "over":
            return AlreadyDecided(execution_id, node_id, orjson.loads(reply) if reply else None)
        case "changed":
            return ShownChanged(execution_id, node_id, reply)
        case "voted":
            return AlreadyVoted(execution_id, node_id, by, given)
        case _:
            return NotWaiting(execution_id, node_id, reply)
