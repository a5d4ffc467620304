"""`engine.nodes`: read nodes and items, and override them: complete, fail, skip or retry one by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from orchestrator.definitions.branches import not_taken_for, taker_of
from orchestrator.definitions.definition import Node
from orchestrator.documents import exact_json
from orchestrator.errors import (
    AttemptChanged,
    ErrorType,
    ExecutionNotFound,
    IdempotencyConflict,
    NodeBusy,
    NodeError,
    NodeNotFound,
    OutputRefused,
    PayloadTooLarge,
    Problem,
    TooBusy,
)
from orchestrator.execution.model import Execution
from orchestrator.execution.rendered_config import (
    MaskedSecrets,
    RenderedConfig,
    render_config,
    render_configs,
)
from orchestrator.operations.attempts import Attempts, read_attempts
from orchestrator.operations.cursors import read_place
from orchestrator.operations.owner import Owner
from orchestrator.operations.results import SHOWN_BYTES, NodeResult, NodeView, Page
from orchestrator.states import ExecutionStatus, NodeStatus, sources_of
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency, OperatorNote, Word
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from orchestrator.templates.resolver import NodeResult as TemplateInput
from orchestrator.templates.resolver import Scope
from orchestrator.units import index_of, node_of

#: Largest output an operator may give a node.
MAX_OUTPUT_BYTES = 1024 * 1024
#: Of all the outputs that a config is rendered over; what has no room counts as missing.
MOST_RENDERED_BYTES = 16 * MAX_OUTPUT_BYTES
#: How often a saved worklist is drained before an override is refused as unavailable.
ROUNDS = 20


class Nodes:
    """The nodes of executions; where a verb takes a node id it takes an item such as `fetch[3]` as well."""

    def __init__(self, store: Store, transitions: Transitions, owner: Owner) -> None:
        self._store = store
        self._owner = owner
        self._transitions = transitions

    async def get(self, execution_id: str, node_id: str) -> NodeView:
        """Read one node, and its output unless that is large. Raises ExecutionNotFound, NodeNotFound."""
        execution_id = await self._owner.execution(execution_id)
        node = await find_node(self._store, execution_id, node_id)
        if node.id != node_id:
            raise NodeNotFound(execution_id, node_id)
        states = await self._store.nodes(execution_id, [node_id])
        counts = await self._store.items.counts(execution_id, [node_id]) if node.map else {}
        sizes = await self._store.payloads.sizes(execution_id, [node_id])
        outputs = await self._store.payloads.small(
            execution_id, sizes, each_bytes=SHOWN_BYTES, most_bytes=SHOWN_BYTES
        )
        status = states[node_id].status
        if status is NodeStatus.PENDING or status.is_terminal:
            await self._check_present(execution_id)
        return NodeView(node, states[node_id], outputs.get(node_id), counts.get(node_id), sizes[node_id])

    async def rendered_config(self, execution_id: str, node_id: str) -> RenderedConfig:
        """Resolve the config of a node over the outputs that are stored now; secrets are masked.

        What cannot be resolved is a problem of the answer. Raises ExecutionNotFound, NodeNotFound.
        """
        execution_id = await self._owner.execution(execution_id)
        node = await find_node(self._store, execution_id, node_id)
        execution = await self._store.execution(execution_id)
        if node.id != node_id or execution is None:
            raise NodeNotFound(execution_id, node_id)
        # In a thread: it may take as long as the templates of an attempt may.
        scope = await self._scope(execution, [node])
        return await asyncio.to_thread(render_config, node, scope)

    async def rendered_configs(self, execution_id: str, most: int = 100) -> dict[str, RenderedConfig]:
        """Resolve the configs of the first nodes that have begun, by node id, as `rendered_config` does.

        All of them together have the budget of one attempt: what comes after it is left as it is written.
        Raises ExecutionNotFound.
        """
        execution_id = await self._owner.execution(execution_id)
        execution = await self._store.execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        definition = await self._store.definition(execution_id, execution.version)
        nodes = definition.nodes[:most]
        states = await self._store.nodes(execution_id, [node.id for node in nodes])
        begun = [node for node in nodes if states[node.id].started_ms is not None]
        scope = await self._scope(execution, begun)
        return await asyncio.to_thread(render_configs, begun, scope)

    async def _scope(self, execution: Execution, nodes: Sequence[Node]) -> Scope:
        """Read what the templates of nodes can name."""
        execution_id = execution.execution_id
        named = [
            node.references | (node.map.config_references if node.map else frozenset()) for node in nodes
        ]
        read = sorted(frozenset().union(*named))
        states = await self._store.nodes(execution_id, read)
        sizes = await self._store.payloads.sizes(execution_id, read)
        outputs = await self._store.payloads.small(
            execution_id, sizes, each_bytes=MAX_OUTPUT_BYTES, most_bytes=MOST_RENDERED_BYTES
        )
        return Scope(
            nodes={
                other: TemplateInput(str(state.status), _parsed(outputs.get(other)), state.reason)
                for other, state in states.items()
            },
            inputs=execution.inputs,
            trigger=_parsed(await self._store.payloads.trigger(execution_id)),
            execution_id=execution_id,
            now_ms=await self._store.now_ms(),
            secrets=MaskedSecrets(),
        )

    async def items(
        self,
        execution_id: str,
        node_id: str,
        *,
        limit: int = 100,
        cursor: str | None = None,
        status: NodeStatus | None = None,
    ) -> Page:
        """List the items of a mapped node, in order, all of them or those with a status.

        Raises ExecutionNotFound, NodeNotFound, CursorInvalid.
        """
        first = read_place(cursor)
        execution_id = await self._owner.execution(execution_id)
        await self.get(execution_id, node_id)
        items = await self._store.items.page(
            execution_id, node_id, first, limit, status=status, each_bytes=SHOWN_BYTES
        )
        await self._check_present(execution_id)
        return Page(list(items), str(items[-1].index + 1) if len(items) == limit else None)

    async def attempts(self, execution_id: str, unit: str) -> Attempts:
        """List the attempts of a node or item, with the last lines that each has logged.

        Raises ExecutionNotFound, NodeNotFound.
        """
        execution_id = await self._owner.execution(execution_id)
        node, index = await find_node(self._store, execution_id, unit), index_of(unit)
        if index is None:
            state = (await self._store.nodes(execution_id, [unit]))[unit]
        else:
            items = await self._store.items.page(execution_id, node.id, index, 1, each_bytes=0)
            if not items:
                raise NodeNotFound(execution_id, unit)
            state = items[0].state
        found = await read_attempts(self._store.histories, execution_id, state)
        await self._check_present(execution_id)
        return found

    async def complete(
        self,
        execution_id: str,
        node_id: str,
        output: Any,
        note: OperatorNote,
        *,
        idempotency: Idempotency | None = None,
    ) -> NodeResult:
        """Complete a node with this output; a running attempt is fenced.

        Raises ExecutionNotFound, NodeNotFound, NodeBusy, AttemptChanged, IdempotencyConflict,
        PayloadTooLarge, and OutputRefused for a condition or switch when the output names no branch.
        """
        execution_id = await self._owner.execution(execution_id)
        try:
            text = exact_json.dumps(output)
        except (TypeError, ValueError, RecursionError) as error:
            problem = Problem("output", "not_json", f"the output cannot be kept as JSON: {error}")
            raise OutputRefused([problem]) from error
        if len(text) > MAX_OUTPUT_BYTES:
            raise PayloadTooLarge("output", len(text), MAX_OUTPUT_BYTES)
        node = await find_node(self._store, execution_id, node_id)
        not_taken = not_taken_for(node, output) if index_of(node_id) is None else ()
        return await self._override(execution_id, node_id, "complete", text, note, idempotency, not_taken)

    async def fail(
        self,
        execution_id: str,
        node_id: str,
        note: OperatorNote,
        *,
        type: str | None = None,
        message: str | None = None,
        idempotency: Idempotency | None = None,
    ) -> NodeResult:
        """Fail a node for good; its catch, and `on_exhausted: continue`, hold as for any failure.

        type  the error's, `Operator` without one: what a catch looks at.
        Raises as `complete` does.
        """
        execution_id = await self._owner.execution(execution_id)
        error = NodeError(
            type or ErrorType.OPERATOR,
            message or note.reason or f"failed by {note.by}",
            retryable=False,
            details={"by": note.by, "reason": note.reason},
        )
        text = orjson.dumps(error.to_dict())
        taker = taker_of((await find_node(self._store, execution_id, node_id)).catch, error.type)
        return await self._override(execution_id, node_id, "fail", text, note, idempotency, taker=taker)

    async def skip(
        self, execution_id: str, node_id: str, note: OperatorNote, *, idempotency: Idempotency | None = None
    ) -> NodeResult:
        """Skip a node, with the reason `operator`. Raises as `complete` does."""
        execution_id = await self._owner.execution(execution_id)
        return await self._override(execution_id, node_id, "skip", b"", note, idempotency)

    async def retry_now(
        self, execution_id: str, node_id: str, note: OperatorNote, *, idempotency: Idempotency | None = None
    ) -> NodeResult:
        """End a node's wait for time, a worker or an operator: a delay completes, all else is tried now.

        In a paused execution it is held until the resume. Raises as `complete` does.
        """
        execution_id = await self._owner.execution(execution_id)
        idempotency = idempotency or Idempotency.unnamed()
        call = self._transitions.retry_node_now(execution_id, node_id, note=note, idempotency=idempotency)
        return await self._result("retry", execution_id, node_id, call, note, idempotency)

    async def _check_present(self, execution_id: str) -> None:
        """Raise ExecutionNotFound if the execution was purged while it was read: parts are missing then."""
        if await self._store.status(execution_id) is None:
            raise ExecutionNotFound(execution_id)

    async def _override(
        self,
        execution_id: str,
        node_id: str,
        word: Word,
        payload: bytes,
        note: OperatorNote,
        idempotency: Idempotency | None,
        not_taken: tuple[str, ...] = (),
        taker: str = "",
    ) -> NodeResult:
        idempotency = idempotency or Idempotency.unnamed()
        call = self._transitions.override_node(
            execution_id, node_id, word, payload,
            note=note, idempotency=idempotency, not_taken=not_taken, taker=taker,
        )  # fmt: skip
        return await self._result(word, execution_id, node_id, call, note, idempotency)

    async def _result(
        self,
        verb: str,
        execution_id: str,
        node_id: str,
        call: Call[list[Any]],
        note: OperatorNote,
        idempotency: Idempotency,
    ) -> NodeResult:
        """Make the call until no worklist is saved before it, and read its reply."""
        for _ in range(ROUNDS):
            word, status, attempt, more = await call
            if more:
                await self._transitions.drain_worklist(execution_id)
            if word != "busy":
                break
        else:
            raise TooBusy(f"execution {execution_id} is busy settling earlier changes; try again")
        if word in ("ok", "replayed"):
            return NodeResult(execution_id, node_id, NodeStatus(status), attempt, word == "replayed")
        if word == "unknown":
            raise ExecutionNotFound(execution_id)
        if word == "unknown_node":
            raise NodeNotFound(execution_id, node_id)
        if word == "conflict":
            raise IdempotencyConflict(idempotency.name)
        if word == "attempt" and note.attempt is not None:
            raise AttemptChanged(verb, execution_id, node_id, meant=note.attempt, found=attempt)
        raise NodeBusy(verb, execution_id, node_id, _obstacle(verb, node_id, word, status))


async def find_node(store: Store, execution_id: str, unit: str) -> Node:
    """Give the node that a unit names, itself or an item of it.

    Raises ExecutionNotFound, NodeNotFound.
    """
    execution = await store.execution(execution_id)
    if execution is None:
        raise ExecutionNotFound(execution_id)
    definition = await store.definition(execution_id, execution.version)
    node_id = node_of(unit)
    node = definition.by_id.get(node_id)
    if node is None or (unit != node_id and not node.map):
        raise NodeNotFound(execution_id, unit)
    return node


def _obstacle(verb: str, node_id: str, word: str, status: str) -> str:
    """Say what keeps a verb from being applied."""
    match word:
        case "cancelling":
            return "its execution is being cancelled"
        case "closed":
            needed = " or ".join(sources_of("time_out_execution", "execution"))
            has_ended = ExecutionStatus(status).is_terminal
            ways = "; retry it to run again what failed, or fork it from a node" if has_ended else ""
            return f"its execution is {status}, not {needed}{ways}"
        case "items":
            return f"it waits for its items; {verb} each of them ({node_id}[0], …), or cancel the execution"
        case "awaits":
            return f"it waits for {status or 'something it does not name'}; complete, fail or skip it"
        case _:
            return f"it is {status}"


def _parsed(output: bytes | None) -> Any:
    return None if output is None else exact_json.loads(output)
