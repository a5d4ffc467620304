"""Runs again what has run: in place (retry), anew as a whole (replay), anew in part (fork)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from orchestrator.errors import ExecutionNotFound, InvalidTransition, NodeNotFound, StoreUnavailable
from orchestrator.execution.fork import ForkPlan, plan_fork, plan_rest
from orchestrator.execution.model import Execution, Snapshot
from orchestrator.execution.rerun import counters_after_reset, rerun_set, runs_again
from orchestrator.operations.results import Forked, Rerun, Submitted
from orchestrator.operations.submissions import (
    Compiled,
    Idempotency,
    Submissions,
    mint_execution_id,
    sorted_json,
)
from orchestrator.states import ExecutionStatus, NodeStatus, sources_of
from orchestrator.store.layout import Field, execution_fields, lay_out, reuses
from orchestrator.store.reader import Store
from orchestrator.store.repair_words import retry_words
from orchestrator.store.transitions import Transitions

#: Items of a retry listed by one script.
RETRY_SLICE = 500


class Repeats:
    """What `Engine.retry`, `replay` and `fork` do."""

    def __init__(self, store: Store, transitions: Transitions, submissions: Submissions) -> None:
        self.store = store
        self.transitions = transitions
        self.submissions = submissions

    async def retry(
        self,
        execution_id: str,
        *,
        generation: int | None = None,
        is_preview: bool = False,
        wanted_by: str = "",
    ) -> Rerun:
        """Run the failed part of an ended execution again, in place. Raises what `Engine.retry` raises.

        wanted_by  `EXECUTION UNIT ATTEMPT` whose child it is; InvalidTransition once that is not to go on.
        """
        source = await self._snapshot(execution_id)
        execution, allowed = source.execution, sources_of("retry_execution", "execution")
        if generation is not None and generation < execution.generation:
            return _retried_before(execution)
        if generation is not None and generation > execution.generation:
            found = f"in generation {execution.generation}"
            wanted = f"there has been no generation {generation} yet"
            raise InvalidTransition("retry", execution_id, found, allowed, wanted=wanted)
        if execution.status not in allowed:
            raise InvalidTransition("retry", execution_id, execution.status, allowed)
        if execution.started_ms is None and execution.inputs is None and source.definition.inputs_schema:
            found = f"{execution.status} before it was started, and has inputs that nobody gave"
            raise InvalidTransition("retry", execution_id, found, allowed)
        chosen = rerun_set(source)
        # The output of the whole is rendered anew in any case, and may be all that there is to do.
        is_output_open = source.definition.output_node is not None and (
            source.output is None or source.output.status is not NodeStatus.COMPLETED
        )
        if not chosen and not is_output_open:
            raise InvalidTransition("retry", execution_id, "without a failed or cancelled node", allowed)
        nodes = tuple(runs_again(source, chosen))
        if is_preview:
            return Rerun(execution_id, execution.status, execution.generation, nodes)
        items = retry_words(counters_after_reset(source, chosen))
        parts = [items[i : i + RETRY_SLICE] for i in range(0, len(items), RETRY_SLICE)] or [[]]
        more = False
        for number, part in enumerate(parts):
            word, status, more = await self.transitions.retry_execution(
                execution_id,
                generation=execution.generation,
                position=number * RETRY_SLICE,
                nodes=len(chosen) if number == len(parts) - 1 else None,
                items=part,
                wanted_by=wanted_by,
            )
            if word == "already":
                # By this very call, whose first answer was lost, or by another like it.
                return _retried_before((await self._snapshot(execution_id)).execution)
            if word == "unwanted":
                raise InvalidTransition("retry", execution_id, f"{status}, and nobody waits for it", allowed)
            if word not in ("ok", "listed"):
                raise InvalidTransition("retry", execution_id, status, allowed)
        if more:
            await self.transitions.drain_worklist(execution_id)
        return Rerun(execution_id, ExecutionStatus.RUNNING, execution.generation + 1, nodes)

    async def replay(
        self,
        execution_id: str,
        *,
        inputs: dict[str, Any] | None,
        is_merged: bool,
        idempotency: Idempotency | None,
    ) -> Submitted:
        """Start a new execution of the same definition. Raises what `Engine.replay` raises."""
        source = await self.store.execution(execution_id)
        text = await self.store.definition_text(execution_id)
        if source is None or text is None:
            raise ExecutionNotFound(execution_id)
        submitted, more = await self.submissions.submit(
            orjson.loads(text),
            body=text,
            inputs=_overridden(source.inputs, inputs, is_merged=is_merged),
            is_started=True,
            idempotency=idempotency,
            tenant=source.tenant,
            replay_of=execution_id,
        )
        if more:
            await self.transitions.drain_worklist(submitted.execution_id)
        return submitted

    async def fork(
        self,
        execution_id: str,
        *,
        from_node: str | None,
        definition: dict[str, Any] | None,
        inputs: dict[str, Any] | None,
        is_merged: bool,
        is_preview: bool,
        idempotency: Idempotency | None,
    ) -> Forked:
        """Start a new execution that keeps what the change does not reach.

        Raises what `Engine.fork` raises.
        """
        source = await self._snapshot(execution_id)
        if not is_preview:
            made = await self.submissions.find_replay(idempotency, source.execution.tenant)
            if made is not None:
                return await self._forked_before(made, execution_id)
        compiled = await self._compiled(execution_id, definition)
        if from_node is not None and from_node not in compiled.definition.by_id:
            raise NodeNotFound(execution_id, from_node)
        given = _overridden(source.execution.inputs, inputs, is_merged=is_merged)
        values = compiled.definition.check_inputs(given)
        has_new_inputs = sorted_json(values) != sorted_json(source.execution.inputs or {})
        plan = plan_fork(source, compiled.definition, from_node=from_node, has_new_inputs=has_new_inputs)
        if is_preview:
            return _forked(plan, execution_id)
        extra: list[Field] = ["forked_from", execution_id, *execution_fields(plan)]
        if values or given is not None:
            extra += ["inputs", sorted_json(values)]
        made, more = await self._create(source.execution, compiled, plan, extra, idempotency)
        if made.replayed:
            return await self._forked_before(made, execution_id)
        if more:
            await self.transitions.drain_worklist(made.execution_id)
        if not plan.again:  # there was nothing to run, and it has ended
            status = await self.store.status(made.execution_id) or made.status
            made = replace(made, status=status)
        return _forked(plan, execution_id, made)

    async def _create(
        self,
        source: Execution,
        compiled: Compiled,
        plan: ForkPlan,
        extra: list[Field],
        idempotency: Idempotency | None,
    ) -> tuple[Submitted, bool]:
        """Write a fork in slices; the last one makes it visible and starts it.

        The flag says that a worklist was saved.
        """
        execution_id = mint_execution_id()
        layout = lay_out(plan.definition, is_staged=True)
        for part in layout.staged:
            await self.transitions.stage_execution(execution_id, part)
        for reuse in reuses(plan):
            rest = reuse
            while rest.nodes or rest.fields:
                word, done = await self.transitions.reuse_nodes(execution_id, source.execution_id, rest)
                if word != "ok":
                    # What is kept never changes, so it has been removed, or what is staged has: begin anew.
                    raise StoreUnavailable(f"execution {source.execution_id} was {word} while being forked")
                rest = rest.after(done)
        return await self.submissions.create(
            execution_id,
            compiled.text,
            layout.last,
            extra=extra,
            is_started=True,
            idempotency=idempotency,
            tenant=source.tenant,
        )

    async def _forked_before(self, made: Submitted, source_id: str) -> Forked:
        """Give the answer to a request that has been answered: the fork itself says what it began with."""
        fork = await self._snapshot(made.execution_id)
        kept = {node_id: state for node_id, state in fork.nodes.items() if state.reused}
        return _forked(plan_rest(fork.definition, kept, fork.not_taken), source_id, made)

    async def _compiled(self, execution_id: str, definition: dict[str, Any] | None) -> Compiled:
        if definition is not None:
            return await self.submissions.compile(definition, orjson.dumps(definition))
        text = await self.store.definition_text(execution_id)
        if text is None:
            raise ExecutionNotFound(execution_id)
        return await self.submissions.compile(orjson.loads(text), text)

    async def _snapshot(self, execution_id: str) -> Snapshot:
        sight = await self.store.read_for_repair(execution_id)
        if sight is None:
            raise ExecutionNotFound(execution_id)
        return sight.snapshot


def _retried_before(execution: Execution) -> Rerun:
    return Rerun(execution.execution_id, execution.status, execution.generation, None, already=True)


def _overridden(
    old: dict[str, Any] | None, new: dict[str, Any] | None, *, is_merged: bool
) -> dict[str, Any] | None:
    """Give the inputs of a repetition; None where nobody ever gave any."""
    if new is None:
        return old
    return {**(old or {}), **new} if is_merged else new


def _forked(plan: ForkPlan, source_id: str, made: Submitted | None = None) -> Forked:
    return Forked(
        forked_from=source_id,
        nodes=plan.again,
        reused=tuple(plan.kept),
        skipped=plan.aside,
        execution_id=made.execution_id if made else None,
        status=made.status if made else None,
        replayed=made.replayed if made else False,
    )
