"""`engine.executions`: submit, trigger, cancel, pause, resume, retry, replay, fork, purge and read them."""

# long: every verb and question about an execution, on one screen after another

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from orchestrator.definitions.budgets import NO_CAPS, Caps
from orchestrator.definitions.definition import Definition
from orchestrator.definitions.unknown_inputs import unknown_inputs
from orchestrator.documents import exact_json
from orchestrator.errors import (
    ExecutionKeyTaken,
    ExecutionNotFound,
    InputsConflict,
    InvalidTransition,
    NodeNotFound,
    Problem,
    StoreUnavailable,
    TooBusy,
    TriggerConflict,
)
from orchestrator.execution.explanation import Explanation
from orchestrator.execution.fork import plan_fork, plan_rest
from orchestrator.execution.model import Execution, Snapshot
from orchestrator.executor import execute_workflow
from orchestrator.operations.cursors import read_place
from orchestrator.operations.execution_pages import executions_of, holder_of, indexes_of
from orchestrator.operations.execution_views import read_view
from orchestrator.operations.explanations import explain_execution, explain_one
from orchestrator.operations.origin import (
    Origin,
    checked_trigger,
    origin_of,
    replayed_trigger,
)
from orchestrator.operations.owner import Owner
from orchestrator.operations.reruns import (
    check_named,
    fork_result,
    merged_inputs,
    plan_retry,
    plan_retry_of,
    retryable,
    send_retry,
    stage_fork,
)
from orchestrator.operations.results import (
    ExecutionView,
    Forked,
    Page,
    Rerun,
    Submitted,
    VerbResult,
)
from orchestrator.operations.retention import purge
from orchestrator.operations.sieve import EVERYTHING, Sieve
from orchestrator.operations.submissions import (
    Compiled,
    Document,
    Submissions,
    mint_execution_id,
    sorted_json,
)
from orchestrator.states import ExecutionStatus, sources_of
from orchestrator.store.fork_layout import execution_fields
from orchestrator.store.layout import Field
from orchestrator.store.reader import Store
from orchestrator.store.records import read_outcome
from orchestrator.store.requests import Idempotency, digest_of
from orchestrator.store.transitions import Transitions

NO_WARNINGS: tuple[Problem, ...] = ()
#: How often a saved worklist is drained before a pause or resume is refused as unavailable.
ROUNDS = 20


class Executions:
    """The executions of the engine, each known by its id."""

    def __init__(
        self, store: Store, transitions: Transitions, submissions: Submissions, owner: Owner
    ) -> None:
        self.store = store
        self._owner = owner
        self._transitions = transitions
        self._submissions = submissions

    # Verbs

    async def submit(
        self,
        document: Document,
        *,
        body: bytes | None = None,
        inputs: dict[str, Any] | None = None,
        trigger: bool = False,
        origin: Origin | None = None,
        idempotency: Idempotency | None = None,
    ) -> Submitted:
        """Check a definition and store an execution of it; start it when asked to.

        document  what was sent, or how to parse it, which a body that was sent before does not need.
        body      the document as sent; kept as it is, and recognised when it is sent again.
        origin    its labels, key and trigger document.
        Raises DefinitionInvalid, InputsInvalid, StartInvalid, PayloadTooLarge, IdempotencyConflict,
        ExecutionKeyTaken, StoreUnavailable, StoreFull; nothing is stored then.
        """
        compiled = await self._submissions.compile(document, body)
        submitted = await self._submissions.create(
            compiled,
            inputs=inputs,
            is_started=trigger,
            idempotency=idempotency,
            tenant=self._owner.tenant,
            origin=origin,
        )
        self._owner.remember(submitted.execution_id)
        return submitted

    async def trigger(
        self,
        execution_id: str,
        inputs: dict[str, Any] | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> VerbResult:
        """Start an execution. Triggered again, it starts nothing twice, and what is ready is queued.

        document  what templates read as `trigger`.
        Raises ExecutionNotFound, InputsInvalid, InputsConflict, StartInvalid, PayloadTooLarge,
        TriggerConflict, and InvalidTransition while it is being cancelled.
        """
        started_by = b"" if document is None else checked_trigger(document)
        execution_id = await self._owner.execution(execution_id)
        text, warnings = b"", NO_WARNINGS
        if inputs is not None:
            text, warnings = await self._checked_inputs(execution_id, inputs)
        async with self._transitions.durable():
            word, status, more = await self._transitions.start_execution(execution_id, text, started_by)
            if word == "inputs_needed":
                text, _ = await self._checked_inputs(execution_id, {})
                word, status, more = await self._transitions.start_execution(execution_id, text, started_by)
        if word == "unknown":
            raise ExecutionNotFound(execution_id)
        if word == "inputs_conflict":
            raise InputsConflict(execution_id)
        if word == "trigger_conflict":
            raise TriggerConflict(execution_id)
        if word == "cancelling":
            allowed = sources_of("start_execution", "execution")
            raise InvalidTransition("trigger", execution_id, "being cancelled", allowed)
        if more:
            await self._transitions.drain_worklist(execution_id)
        if word == "already" and ExecutionStatus(status).is_under_way:
            await execute_workflow(self.store, self._transitions, execution_id)
        return VerbResult(execution_id, ExecutionStatus(status), word == "already", warnings)

    async def cancel(
        self, execution_id: str, *, reason: str | None = None, grace_ms: int = 30_000, request_id: str
    ) -> VerbResult:
        """Cancel an execution; what runs may still record its result within the grace.

        Of several cancels the shortest grace counts, and the first reason.
        Raises ExecutionNotFound, and InvalidTransition when it has ended.
        """
        execution_id = await self._owner.execution(execution_id)
        word, status, more = await self._transitions.cancel_execution(
            execution_id, reason=orjson.dumps(reason).decode(), grace_ms=grace_ms, request_id=request_id
        )
        if word == "unknown":
            raise ExecutionNotFound(execution_id)
        if word == "terminal":
            allowed = sources_of("cancel_execution", "execution")
            raise InvalidTransition("cancel", execution_id, status, allowed)
        if more:
            await self._transitions.drain_worklist(execution_id)
            status = await self.store.status(execution_id) or status
        return VerbResult(execution_id, ExecutionStatus(status), word == "already")

    async def pause(
        self, execution_id: str, *, by: str | None = None, reason: str | None = None, request_id: str
    ) -> VerbResult:
        """Start nothing more; what runs goes on to its end, and what becomes ready is held.

        The same request again, and any while it is paused, changes nothing.
        Raises ExecutionNotFound, and InvalidTransition when it is not RUNNING or being cancelled.
        """
        execution_id = await self._owner.execution(execution_id)
        for _ in range(ROUNDS):
            word, status = await self._transitions.pause_execution(
                execution_id, by=orjson.dumps(by), reason=orjson.dumps(reason), request=digest_of(request_id)
            )
            if word != "busy":
                return _paused_or_resumed("pause", execution_id, word, status)
            await self._transitions.drain_worklist(execution_id)
        raise _busy(execution_id)

    async def resume(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        budget: Caps = NO_CAPS,
        request_id: str,
    ) -> VerbResult:
        """Queue what was held, in order, and go on. Raises as `pause` does, when it is not PAUSED.

        budget  what its calls to paid services may use from now on; None leaves a limit as it was.
        """
        execution_id = await self._owner.execution(execution_id)
        note = {"by": orjson.dumps(by), "reason": orjson.dumps(reason)}
        for _ in range(ROUNDS):
            word, status, more = await self._transitions.resume_execution(
                execution_id, **note, request=digest_of(request_id), budget=budget
            )
            if more:
                await self._transitions.drain_worklist(execution_id)
                status = await self.store.status(execution_id) or status
            if word != "busy":
                return _paused_or_resumed("resume", execution_id, word, status)
        raise _busy(execution_id)

    async def retry(
        self,
        execution_id: str,
        *,
        nodes: Sequence[str] | None = None,
        preview: bool = False,
        generation: int | None = None,
        wanted_by: str = "",
    ) -> Rerun:
        """Go on with an ended execution in place: run again what failed and what that kept from running.

        nodes       run again these and all that is behind them, and nothing else. Each has failed, was
                    cancelled, or is a map with failed items; these can be retried when all COMPLETED, too.
        preview     say what would run, and change nothing.
        generation  the generation to retry; when another request has retried it, the answer says `already`.
        wanted_by   `EXECUTION UNIT ATTEMPT` whose child it is; refused once that attempt has ended.
        Raises ExecutionNotFound, InvalidTransition when it has not failed and was not cancelled, or nodes are
        named in a child execution; ExecutionKeyTaken while another execution goes on with its key;
        NodeNotFound, NodeBusy for nodes that cannot be retried; TooBusy while another choice of nodes is
        being written.
        """
        execution_id = await self._owner.execution(execution_id)
        source = await self._snapshot(execution_id)
        execution = source.execution
        if nodes is not None:
            check_named(source, nodes)
        if generation is not None and generation < execution.generation:
            async with self._transitions.durable():
                return _retried_before(execution)
        plan = (
            plan_retry(source, generation)
            if nodes is None
            else await plan_retry_of(self.store, source, frozenset(nodes), generation)
        )
        if preview:
            return Rerun(execution_id, execution.status, execution.generation, plan.nodes)
        word, status, more = await send_retry(self._transitions, execution, plan, wanted_by)
        if word == "unknown":
            raise ExecutionNotFound(execution_id)
        if word == "already":
            # By this very call, whose first answer was lost, or by another like it.
            return _retried_before((await self._snapshot(execution_id)).execution)
        if word == "lost":
            raise _busy(execution_id)
        if word == "taken":
            raise ExecutionKeyTaken(execution.execution_key or "", status, hint="cancel it first")
        if word not in ("ok", "listed"):
            found = f"{status}, and no node waits for it" if word == "unwanted" else status
            raise InvalidTransition("retry", execution_id, found, retryable())
        if more:
            await self._transitions.drain_worklist(execution_id)
        return Rerun(execution_id, ExecutionStatus.RUNNING, execution.generation + 1, plan.nodes)

    async def replay(
        self,
        execution_id: str,
        inputs: dict[str, Any] | None = None,
        *,
        trigger: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        merge: bool = True,
        idempotency: Idempotency | None = None,
    ) -> Submitted:
        """Start a new execution of the same definition with the same inputs and trigger document, or others.

        Workflow and labels stay, `labels` come beside them; the source becomes `replay`; a key is not kept.
        merge  `inputs` and `trigger` override what has the same name; otherwise they replace all.
        Raises ExecutionNotFound, and what `submit` raises.
        """
        execution_id = await self._owner.execution(execution_id)
        source = await self._execution(execution_id)
        compiled = await self._recompiled(execution_id)
        submitted = await self._submissions.create(
            compiled,
            inputs=merged_inputs(source.inputs, inputs, is_merged=merge),
            is_started=True,
            idempotency=idempotency,
            tenant=source.tenant,
            replay_of=execution_id,
            origin=replace(
                origin_of(source, labels),
                trigger=replayed_trigger(await self._trigger_of(execution_id), trigger, is_merged=merge),
            ),
        )
        # Those of the original are no news.
        return replace(submitted, warnings=unknown_inputs(compiled.definition.source, inputs))

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
        execution_id = await self._owner.execution(execution_id)
        source = await self._snapshot(execution_id)
        tenant = source.execution.tenant
        if not preview and (fork := await self._submissions.find_replay(idempotency, tenant)):
            return await self._forked_before(fork, execution_id)
        if definition is not None:
            compiled = await self._submissions.compile(definition, orjson.dumps(definition))
        else:
            compiled = await self._recompiled(execution_id)
        if from_node is not None and from_node not in compiled.definition.by_id:
            raise NodeNotFound(execution_id, from_node)
        given = merged_inputs(source.execution.inputs, inputs, is_merged=merge)
        values = await self._submissions.checks.inputs(compiled.definition.inputs_schema, given)
        has_new_inputs = sorted_json(values) != sorted_json(source.execution.inputs or {})
        plan = plan_fork(source, compiled.definition, from_node=from_node, has_new_inputs=has_new_inputs)
        warnings = unknown_inputs(compiled.definition.source, inputs)
        if preview:
            return replace(fork_result(plan, execution_id), warnings=warnings)
        origin = replace(origin_of(source.execution), trigger=await self._trigger_of(execution_id))
        extra: list[Field] = ["forked_from", execution_id, *execution_fields(plan), *origin.fields()]
        if values or given is not None:
            extra += ["inputs", sorted_json(values)]
        fork_id = mint_execution_id()
        layout = await stage_fork(self._submissions, fork_id, execution_id, plan, tenant)
        if (await self._execution(execution_id)).generation != source.execution.generation:
            # A retry of nodes may have run again what has been copied, so it need not be of one piece.
            raise StoreUnavailable(f"execution {execution_id} was retried while being forked")
        fork = await self._submissions.publish(
            fork_id,
            compiled.text,
            layout,
            extra=extra,
            is_started=True,
            idempotency=idempotency,
            tenant=tenant,
        )
        if fork.replayed:
            return await self._forked_before(fork, execution_id)
        if not plan.again:  # there was nothing to run, and it has ended
            fork = replace(fork, status=await self.store.status(fork_id) or fork.status)
        return replace(fork_result(plan, execution_id, fork), warnings=warnings)

    async def purge(self, execution_id: str) -> None:
        """Remove for good an execution that has ended or was never started, and its children with it.

        A child that still runs goes on as an execution of its own.
        Raises ExecutionNotFound, and InvalidTransition while it has not ended or its parent is there.
        """
        await purge(self._transitions, await self._owner.execution(execution_id))

    # Questions

    async def find(self, name: str) -> str:
        """Give the id of the execution that an id or a key names. Raises ExecutionNotFound."""
        return await self._owner.execution(name)

    async def status(self, execution_id: str) -> ExecutionStatus:
        """Read the status alone. Raises ExecutionNotFound."""
        execution_id = await self._owner.execution(execution_id)
        status = await self.store.status(execution_id)
        if status is None:
            raise ExecutionNotFound(execution_id)
        return status

    async def statuses(self, execution_ids: Sequence[str]) -> dict[str, ExecutionStatus]:
        """Read the statuses of many executions at once; what is not found is left out."""
        known = []
        for execution_id in execution_ids:
            with contextlib.suppress(ExecutionNotFound):
                known.append(await self._owner.execution(execution_id))
        return await self.store.index.statuses(known)

    async def get(self, execution_id: str, *, is_lean: bool = False) -> ExecutionView:
        """Read an execution with all its nodes and their smaller outputs. Raises ExecutionNotFound.

        is_lean  leaves out all outputs and the trigger document; they are not read.
        """
        execution_id = await self._owner.execution(execution_id)
        if (view := await read_view(self.store, execution_id, is_lean=is_lean)) is None:
            raise ExecutionNotFound(execution_id)
        return view

    async def brief(self, execution_id: str) -> tuple[Execution, Definition]:
        """Read an execution without its nodes, and its definition. Raises ExecutionNotFound."""
        execution = await self._execution(await self._owner.execution(execution_id))
        return execution, await self.store.definition(execution.execution_id, execution.version)

    async def outcome(
        self, execution_id: str, *, told: bytes | None = None
    ) -> tuple[Execution, Definition, bytes | None]:
        """Read the same, and its output as JSON; None until it is there. Raises ExecutionNotFound.

        told  the message of its end, to a waiter who asked for the outcome.
        """
        execution_id = await self._owner.execution(execution_id)
        found = read_outcome(execution_id, told) if told else None
        execution, output = found or await self.store.execution_and_output(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        return execution, await self.store.definition(execution_id, execution.version), output

    async def results(self, execution_id: str) -> dict[str, bytes | None]:
        """Read every node's output as stored. Raises ExecutionNotFound."""
        execution_id = await self._owner.execution(execution_id)
        execution = await self._execution(execution_id)
        definition = await self.store.definition(execution_id, execution.version)
        outputs = await self.store.outputs(execution_id, [node.id for node in definition.nodes])
        await self.store.check_present(execution)
        return outputs

    async def definition(self, execution_id: str) -> bytes:
        """Read the definition as submitted, JSON. Raises ExecutionNotFound."""
        execution_id = await self._owner.execution(execution_id)
        text = await self.store.definition_text(execution_id)
        if text is None or await self.store.status(execution_id) is None:
            raise ExecutionNotFound(execution_id)
        return text

    async def explain(self, execution_id: str, *, names_workers: bool = True) -> Sequence[Explanation]:
        """Say what every unfinished node waits for, and what is still to be delivered of an end.

        Raises ExecutionNotFound.
        names_workers  False counts the workers, which are no tenant's.
        """
        snapshot = await self._snapshot(await self._owner.execution(execution_id))
        return await explain_execution(self.store, snapshot, names_workers=names_workers)

    async def explain_unit(self, execution_id: str, unit: str, *, names_workers: bool = True) -> Explanation:
        """Say what a node, or an item such as `fetch[3]`, waits for, or why it ended as it did.

        Raises ExecutionNotFound, NodeNotFound. names_workers as in `explain`.
        """
        snapshot = await self._snapshot(await self._owner.execution(execution_id))
        return await explain_one(self.store, snapshot, unit, names_workers=names_workers)

    async def children(self, execution_id: str, *, limit: int = 50, cursor: str | None = None) -> Page:
        """List the executions that nodes of this one started, oldest first; purged ones are left out.

        Raises ExecutionNotFound, CursorInvalid.
        """
        first = read_place(cursor)
        execution_id = await self._owner.execution(execution_id)
        await self.status(execution_id)
        child_ids = await self.store.children_ids(execution_id, first, limit)
        found = await self.store.executions(child_ids)
        following = str(first + limit) if len(child_ids) == limit else None
        return Page([child for child in found if child is not None], following)

    async def list(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        sieve: Sieve = EVERYTHING,
        workflow_id: str | None = None,
        labels: Sequence[tuple[str, str]] = (),
        execution_key: str | None = None,
        created_after_ms: int | None = None,
        created_before_ms: int | None = None,
    ) -> Page:
        """List executions, newest first; with a workflow or labels, those that have all of them.

        execution_key  only the one that holds it: some keys cannot stand in a path.
        Raises CursorInvalid.
        """
        indexes = indexes_of(self.store, self._owner.tenant, workflow_id, labels)
        if execution_key is not None:
            return await holder_of(self.store, self._owner.tenant, execution_key, indexes, sieve)
        span_ms = (created_after_ms, created_before_ms)
        return await executions_of(
            self.store, indexes, limit=limit, cursor=cursor, span_ms=span_ms, sieve=sieve
        )

    async def triggers(self, rows: Sequence[Execution]) -> dict[str, bytes]:
        """Read the trigger documents of executions that a list has given; those without one are left out."""
        return await self.store.payloads.triggers([row.execution_id for row in rows])

    # What the verbs share

    async def _execution(self, execution_id: str) -> Execution:
        execution = await self.store.execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        return execution

    async def _trigger_of(self, execution_id: str) -> dict[str, Any] | None:
        text = await self.store.payloads.trigger(execution_id)
        return None if text is None else exact_json.loads(text)

    async def _snapshot(self, execution_id: str) -> Snapshot:
        view = await self.store.read_for_repair(execution_id)
        if view is None:
            raise ExecutionNotFound(execution_id)
        await self.store.check_present(view.snapshot.execution)
        return view.snapshot

    async def _recompiled(self, execution_id: str) -> Compiled:
        text = await self.store.definition_text(execution_id)
        if text is None:
            raise ExecutionNotFound(execution_id)
        return await self._submissions.compile(lambda: orjson.loads(text), text)

    async def _checked_inputs(
        self, execution_id: str, inputs: dict[str, Any]
    ) -> tuple[bytes, tuple[Problem, ...]]:
        """Give inputs as they are stored, and what is likely a mistake in them. Raises InputsInvalid."""
        execution = await self._execution(execution_id)
        definition = await self.store.definition(execution_id, execution.version)
        values = await self._submissions.checks.inputs(definition.inputs_schema, inputs)
        return sorted_json(values), unknown_inputs(definition.source, inputs)

    async def _forked_before(self, fork: Submitted, source_id: str) -> Forked:
        """Answer a fork that was requested before: the fork itself says what it began with."""
        found = await self._snapshot(fork.execution_id)
        kept = {node_id: state for node_id, state in found.nodes.items() if state.reused}
        return fork_result(plan_rest(found.definition, kept, found.not_taken), source_id, fork)


def _paused_or_resumed(verb: str, execution_id: str, word: str, status: str) -> VerbResult:
    if word == "unknown":
        raise ExecutionNotFound(execution_id)
    if word in ("refused", "cancelling"):
        found = "being cancelled" if word == "cancelling" else status
        raise InvalidTransition(verb, execution_id, found, sources_of(f"{verb}_execution", "execution"))
    return VerbResult(execution_id, ExecutionStatus(status), word == "already")


def _retried_before(execution: Execution) -> Rerun:
    return Rerun(execution.execution_id, execution.status, execution.generation, None, already=True)


def _busy(execution_id: str) -> TooBusy:
    return TooBusy(f"execution {execution_id} is busy settling earlier changes; try again")
