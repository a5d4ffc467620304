"""`engine.inboxes`: letters to durable handlers, and what those have written down."""

from __future__ import annotations

from typing import Any

from orchestrator.errors import (
    ExecutionNotFound,
    IdempotencyConflict,
    InboxFull,
    InvalidTransition,
    NodeBusy,
    NodeNotFound,
    PayloadInvalid,
)
from orchestrator.execution.letters import Journal, Letters, Posted
from orchestrator.operations.nodes import find_node
from orchestrator.operations.owner import Owner
from orchestrator.operations.payloads import payload_json
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.operations.submissions import Submissions
from orchestrator.states import ExecutionStatus, sources_of
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency
from orchestrator.store.transitions import MAX_LETTERS, Transitions

#: Largest payload of a letter.
MAX_LETTER_BYTES = 256 * 1024
#: Most letters, and entries of a journal, that one answer has.
MOST_LETTERS = 100
MOST_ENTRIES = 500


class Inboxes:
    """The inboxes of a tenant's nodes, and of items of mapped ones; and their journals."""

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        submissions: Submissions,
        owner: Owner,
        *,
        checks: SchemaChecks | None = None,
    ) -> None:
        self._checks = checks or SchemaChecks()
        self._store = store
        self._transitions = transitions
        self._submissions = submissions
        self._owner = owner

    async def post(
        self,
        execution_id: str,
        node_id: str | None,
        payload: Any = None,
        *,
        idempotency: Idempotency | None = None,
    ) -> Posted:
        """Append a letter to the inbox of a node, whatever its status is; one that waits for it goes on.

        node_id  a node, or an item of a mapped one; None for the only node of the execution.
        payload  JSON, 256 KiB at most. The same idempotency key again gets the same answer.
        Raises ExecutionNotFound, NodeNotFound (also for None where there are several), InvalidTransition
        once the execution has ended or is being cancelled, NodeBusy for a mapped node as a whole and for one
        whose handler is known to read no letters, PayloadTooLarge, InboxFull, IdempotencyConflict.
        """
        execution_id = await self._owner.execution(execution_id)
        text = payload_json(payload, "payload", most=MAX_LETTER_BYTES)
        unit = node_id if node_id is not None else await self._only_node(execution_id)
        idempotency = idempotency or Idempotency.unnamed()
        await self._require_reader(execution_id, unit)
        async with self._transitions.durable():
            word, status, letter, more = await self._transitions.post_letter(
                execution_id, unit, text, idempotency=idempotency
            )
        match word:
            case "unknown":
                raise ExecutionNotFound(execution_id)
            case "unknown_node":
                raise NodeNotFound(execution_id, unit)
            case "mapped":
                found = "it is mapped, and each of its items has an inbox"
                raise NodeBusy("post to", execution_id, unit, found)
            case "terminal" | "cancelling":
                raise _ended(execution_id, "being cancelled" if word == "cancelling" else status)
            case "full":
                raise InboxFull(execution_id, unit, MAX_LETTERS)
            case "conflict":
                raise IdempotencyConflict(idempotency.name)
        if more:
            await self._transitions.drain_worklist(execution_id)
            status = await self._store.status(execution_id) or status
        return Posted(execution_id, unit, ExecutionStatus(status), letter, word == "replayed")

    async def post_event(
        self,
        execution_id: str,
        type: str,
        value: Any,
        *,
        step: str | None = None,
        idempotency: Idempotency | None = None,
    ) -> Posted:
        """Post an event to the node that the interface of the definition names as its inbox.

        The letter is `{type, value, step}`. step: of the code that the node runs; None for all of it.
        Raises what `post` does, NodeNotFound where the interface names none, and PayloadInvalid for a value
        that does not fit what the interface declares for the type.
        """
        execution_id = await self._owner.execution(execution_id)
        execution = await self._store.execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        interface = (await self._store.definition(execution_id, execution.version)).interface
        if interface is None or interface.inbox is None:
            raise NodeNotFound(execution_id, "", hint="its interface names no inbox")
        declared = interface.known.get(type)
        if declared is not None and declared.schema is not None:
            problems = await self._checks.problems(declared.schema, value, "payload")
            if problems and execution.status.is_terminal:
                raise _ended(execution_id, execution.status)
            if problems:
                raise PayloadInvalid(problems)
        payload = {"type": type, "value": value, "step": step}
        return await self.post(execution_id, interface.inbox, payload, idempotency=idempotency)

    async def _require_reader(self, execution_id: str, unit: str) -> None:
        """Refuse a letter that would never be read. Raises ExecutionNotFound, NodeNotFound, NodeBusy."""
        handler = (await find_node(self._store, execution_id, unit)).handler
        if (await self._submissions.handlers()).is_durable(handler) is False:
            found = f"its handler '{handler}' is not durable, and reads no letters"
            raise NodeBusy("post to", execution_id, unit, found)

    async def letters(self, execution_id: str, node_id: str, *, limit: int = MOST_LETTERS) -> Letters:
        """Read the letters of a node that no journal has taken yet, the oldest first.

        Raises ExecutionNotFound, NodeNotFound.
        """
        execution_id = await self._known(execution_id, node_id)
        return await self._store.journals.letters(execution_id, node_id, limit=min(limit, MOST_LETTERS))

    async def journal(
        self, execution_id: str, node_id: str, *, after: int = 0, limit: int = MOST_ENTRIES
    ) -> Journal:
        """Read the entries of a node's journal behind `after`, and the snapshot that stands for those before.

        Raises ExecutionNotFound, NodeNotFound.
        """
        execution_id = await self._known(execution_id, node_id)
        most = min(limit, MOST_ENTRIES)
        return await self._store.journals.read(execution_id, node_id, after=after, limit=most)

    async def _known(self, execution_id: str, node_id: str) -> str:
        """Give the id of an execution that has such a node. Raises ExecutionNotFound, NodeNotFound."""
        execution_id = await self._owner.execution(execution_id)
        await find_node(self._store, execution_id, node_id)
        return execution_id

    async def _only_node(self, execution_id: str) -> str:
        execution = await self._store.execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        nodes = (await self._store.definition(execution_id, execution.version)).nodes
        if len(nodes) > 1:
            hint = f"it has {len(nodes)} nodes: name the one that the letter is for"
            raise NodeNotFound(execution_id, "", hint=hint)
        return nodes[0].id


def _ended(execution_id: str, found: str) -> InvalidTransition:
    return InvalidTransition("post to", execution_id, found, sources_of("cancel_execution", "execution"))
