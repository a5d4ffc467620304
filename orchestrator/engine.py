"""The narrow waist: everything the outside may ask of the engine, in one class of verbs and questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from clients.redis_client import RedisClient
from orchestrator.definitions.definition import HandlerNames
from orchestrator.documents.limits import Limits
from orchestrator.errors import ExecutionNotFound, InputsConflict, InvalidTransition, NodeNotFound
from orchestrator.execution.explain import explain
from orchestrator.execution.explanation import Explanation
from orchestrator.execution.model import (
    DeadEntry,
    Event,
    Execution,
    MapCounts,
    NodeState,
    QueueInfo,
    WorkerInfo,
)
from orchestrator.executor import execute_workflow
from orchestrator.operations.interventions import Intervening, NodeResult, OperatorNote, Paused
from orchestrator.operations.queries import Operating, Operations, Parenting
from orchestrator.operations.reruns import Repeats
from orchestrator.operations.results import (
    Cancelled,
    ExecutionView,
    Forked,
    Page,
    Readiness,
    Rerun,
    Submitted,
    Triggered,
    Validation,
)
from orchestrator.operations.signals import Answering
from orchestrator.operations.submissions import Document, Idempotency, Submissions, sorted_json
from orchestrator.operations.validation import validate
from orchestrator.redis_keys import Keys
from orchestrator.states import ExecutionStatus, sources_of
from orchestrator.store.health import Check, check_redis
from orchestrator.store.items import Item
from orchestrator.store.reader import Store
from orchestrator.store.subscription import EventSubscription
from orchestrator.store.transitions import Transitions
from orchestrator.store.waits import Approval

__all__ = [
    "Approval", "Cancelled", "DeadEntry", "Engine", "ExecutionView", "Explanation", "Forked", "NodeResult",
    "Idempotency", "OperatorNote", "Page", "Paused", "QueueInfo", "Readiness", "Rerun", "Submitted",
    "Triggered", "Validation", "WorkerInfo",
]  # fmt: skip


class Engine(Answering, Intervening, Operating, Parenting):
    """The engine as the API sees it.

    catalogue  gives the handlers a definition may use, from the names live workers announce.
    """

    def __init__(
        self,
        redis: RedisClient,
        subscriber: RedisClient,
        *,
        catalogue: Callable[[frozenset[str]], HandlerNames],
        keys: Keys | None = None,
        limits: Limits | None = None,
        patience_s: float = 5.0,
        allow_eviction_policy: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self.keys = keys or Keys()
        self.transitions = Transitions(redis, self.keys, patience_s=patience_s)
        self.store = Store(redis, self.keys, default_retry=catalogue(frozenset()).default_retry)
        self.operations = Operations(self.store)
        self._redis = redis
        self._subscriber = subscriber
        self._submissions = Submissions(self.store, self.transitions, catalogue=catalogue, limits=self.limits)
        self._repeats = Repeats(self.store, self.transitions, self._submissions)
        self._allow_eviction_policy = allow_eviction_policy

    # Verbs

    async def submit(
        self,
        document: Document,
        *,
        body: bytes | None = None,
        inputs: dict[str, Any] | None = None,
        trigger: bool = False,
        idempotency: Idempotency | None = None,
        tenant: str = "default",
    ) -> Submitted:
        """Check a definition and store an execution of it; start it when asked to.

        document  what was sent, or how to parse it, which a body that was sent before does not need.
        body  the document as sent; kept as it is, and recognised when it is sent again.
        Raises DefinitionInvalid, InputsInvalid, IdempotencyConflict, StoreUnavailable, StoreFull; nothing is
        stored then.
        """
        submitted, more = await self._submissions.submit(
            document, body=body, inputs=inputs, is_started=trigger, idempotency=idempotency, tenant=tenant
        )
        if more:
            await self.transitions.drain_worklist(submitted.execution_id)
        return submitted

    async def trigger(self, execution_id: str, inputs: dict[str, Any] | None = None) -> Triggered:
        """Start an execution. Again, it starts nothing twice and repairs whatever is ready and not queued.

        Raises ExecutionNotFound, InputsInvalid, InputsConflict.
        """
        text = b"" if inputs is None else await self._checked_inputs(execution_id, inputs)
        word, status, more = await self.transitions.start_execution(execution_id, text)
        if word == "inputs_needed":
            text = await self._checked_inputs(execution_id, {})
            word, status, more = await self.transitions.start_execution(execution_id, text)
        if word == "unknown":
            raise ExecutionNotFound(execution_id)
        if word == "inputs_conflict":
            raise InputsConflict(execution_id)
        if word == "cancelling":
            allowed = sources_of("start_execution", "execution")
            raise InvalidTransition("trigger", execution_id, "being cancelled", allowed)
        if more:
            await self.transitions.drain_worklist(execution_id)
        if word == "already" and ExecutionStatus(status).is_under_way:
            await execute_workflow(self.store, self.transitions, execution_id)
        return Triggered(execution_id, ExecutionStatus(status), word == "already")

    async def cancel(
        self, execution_id: str, *, reason: str | None = None, grace_ms: int = 30_000, request_id: str
    ) -> Cancelled:
        """Cancel an execution; what runs may still record its result within the grace.

        Asked again, the shortest grace counts, and the first reason.
        Raises ExecutionNotFound, and InvalidTransition when it has ended.
        """
        word, status, more = await self.transitions.cancel_execution(
            execution_id, reason=orjson.dumps(reason).decode(), grace_ms=grace_ms, request_id=request_id
        )
        if word == "unknown":
            raise ExecutionNotFound(execution_id)
        if word == "terminal":
            allowed = sources_of("cancel_execution", "execution")
            raise InvalidTransition("cancel", execution_id, status, allowed)
        if more:
            await self.transitions.drain_worklist(execution_id)
            status = await self.store.status(execution_id) or status
        return Cancelled(execution_id, ExecutionStatus(status), word == "already")

    async def retry(
        self, execution_id: str, *, preview: bool = False, generation: int | None = None
    ) -> Rerun:
        """Go on with an ended execution in place: run again what failed and what that kept from running.

        preview     say what would run, and change nothing.
        generation  the life to retry; when another request has done it, the answer says `already`.
        Raises ExecutionNotFound, and InvalidTransition when it has not failed and was not cancelled.
        """
        return await self._repeats.retry(execution_id, generation=generation, is_preview=preview)

    async def replay(
        self,
        execution_id: str,
        inputs: dict[str, Any] | None = None,
        *,
        merge: bool = True,
        idempotency: Idempotency | None = None,
    ) -> Submitted:
        """Start a new execution of the same definition with the same inputs, or others.

        merge  `inputs` override those of the same name; otherwise they replace all.
        Raises ExecutionNotFound, and what `submit` raises.
        """
        return await self._repeats.replay(
            execution_id, inputs=inputs, is_merged=merge, idempotency=idempotency
        )

    async def fork(
        self,
        execution_id: str,
        *,
        from_node: str | None = None,
        definition: dict[str, Any] | None = None,
        inputs: dict[str, Any] | None = None,
        merge: bool = True,
        preview: bool = False,
        idempotency: Idempotency | None = None,
    ) -> Forked:
        """Start a new execution that keeps the outputs of every node the change does not reach.

        The change is a node to run again, another definition, other inputs, or all of these; what did not
        complete runs in any case. merge as in `replay`, preview as in `retry`.
        Raises ExecutionNotFound, NodeNotFound, and what `submit` raises.
        """
        return await self._repeats.fork(
            execution_id,
            from_node=from_node,
            definition=definition,
            inputs=inputs,
            is_merged=merge,
            is_preview=preview,
            idempotency=idempotency,
        )

    async def requeue_dead(self, entry_id: str) -> str | None:
        """Run a dead node again, by retrying its execution in place; gives the execution id, None if there is
        no such entry.

        Raises InvalidTransition while the execution still runs, ExecutionNotFound when it is gone.
        """
        entry = await self.operations.dead_entry(entry_id)
        if entry is None:
            return None
        await self.retry(entry.execution_id)
        # Another than the retry has taken off: a handled failure does not run again.
        await self.transitions.drop_dead(entry_id)
        return entry.execution_id

    async def drop_dead(self, entry_id: str) -> bool:
        """Take an entry off the dead list; its node stays FAILED."""
        is_there = await self.operations.dead_entry(entry_id) is not None
        return is_there and await self.transitions.drop_dead(entry_id)

    # Questions

    async def validate(self, document: Any) -> Validation:
        """Judge a definition as `submit` would, look for what cannot be meant, and store nothing."""
        return await validate(self._submissions, document)

    async def status(self, execution_id: str) -> ExecutionStatus:
        """Raises ExecutionNotFound."""
        status = await self.store.status(execution_id)
        if status is None:
            raise ExecutionNotFound(execution_id)
        return status

    async def get(self, execution_id: str) -> ExecutionView:
        """Raises ExecutionNotFound."""
        return await self.operations.view(await self._execution(execution_id))

    async def node(self, execution_id: str, node_id: str) -> tuple[NodeState, bytes | None]:
        """One node and its output. Raises ExecutionNotFound, NodeNotFound."""
        execution = await self._execution(execution_id)
        definition = await self.store.definition(execution_id, execution.version)
        if all(node.id != node_id for node in definition.nodes):
            raise NodeNotFound(execution_id, node_id)
        states = await self.store.nodes(execution_id, [node_id])
        return states[node_id], await self.store.output(execution_id, node_id)

    async def map_counts(self, execution_id: str, node_ids: Sequence[str]) -> dict[str, MapCounts]:
        """How far the mapped ones of these nodes are."""
        return await self.store.items.counts(execution_id, node_ids)

    async def items(self, execution_id: str, node_id: str, *, first: int, limit: int) -> list[Item]:
        """Items of a mapped node from index `first` on. Raises ExecutionNotFound, NodeNotFound."""
        await self.node(execution_id, node_id)
        return await self.store.items.page(execution_id, node_id, first, limit)

    async def results(self, execution_id: str) -> dict[str, bytes | None]:
        """Every node's output as stored. Raises ExecutionNotFound."""
        execution = await self._execution(execution_id)
        definition = await self.store.definition(execution_id, execution.version)
        return await self.store.outputs(execution_id, [node.id for node in definition.nodes])

    async def definition(self, execution_id: str) -> bytes:
        """The definition as submitted. Raises ExecutionNotFound."""
        text = await self.store.definition_text(execution_id)
        if text is None or await self.store.status(execution_id) is None:
            raise ExecutionNotFound(execution_id)
        return text

    async def list(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        status: ExecutionStatus | None = None,
        name: str | None = None,
        created_after_ms: int | None = None,
        created_before_ms: int | None = None,
        tenant: str = "default",
    ) -> Page:
        """Executions, newest first. Raises ValueError for a cursor that is not ours."""
        items, next_cursor = await self.operations.list_executions(
            tenant,
            limit=limit,
            cursor=cursor,
            is_wanted=lambda row: (
                (status is None or row.status is status) and (name is None or row.name == name)
            ),
            oldest_ms=created_after_ms,
            newest_ms=created_before_ms,
        )
        return Page(items, next_cursor)

    async def explain(self, execution_id: str) -> Sequence[Explanation]:
        """What every unfinished node waits for. Raises ExecutionNotFound."""
        sight = await self.store.read_for_repair(execution_id)
        if sight is None:
            raise ExecutionNotFound(execution_id)
        positions = await self.operations.queue_positions(sight.snapshot)
        return explain(sight.snapshot, await self.store.workers(), positions)

    async def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        return await self.store.events(execution_id, after=after, limit=limit)

    async def last_seq(self, execution_id: str) -> int:
        return await self.store.last_seq(execution_id)

    def subscription(self) -> EventSubscription:
        """A subscription to news of executions; one is enough for a process."""
        return EventSubscription(self._subscriber, self.keys)

    async def ready(self) -> Readiness:
        """Whether requests can be served, and what the Redis in use promises. Raises nothing."""
        try:
            checks = await check_redis(self._redis, allow_eviction_policy=self._allow_eviction_policy)
            checks.append(await self._check_writes())
        except Exception as error:
            return Readiness(False, [Check("redis", "error", f"{type(error).__name__}: {error}")])
        return Readiness(all(check.level != "error" for check in checks), checks)

    async def handler_names(self) -> frozenset[str]:
        """Handlers a definition may use now: built in, or offered by a live worker."""
        return await self._submissions.handler_names()

    # Below the waist

    async def _execution(self, execution_id: str) -> Execution:
        execution = await self.store.execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        return execution

    async def _check_writes(self) -> Check:
        await self.transitions.probe()
        return Check("scripts", "ok", "scripts are loaded and Redis takes writes")

    async def _checked_inputs(self, execution_id: str, inputs: dict[str, Any]) -> bytes:
        execution = await self._execution(execution_id)
        definition = await self.store.definition(execution_id, execution.version)
        return sorted_json(definition.check_inputs(inputs))
