"""What runs again: which nodes a retry resets, which inputs a rerun has, and how a fork is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.errors import ExecutionNotFound, InvalidTransition, LayoutUnknown, StoreUnavailable
from orchestrator.execution.fork import ForkPlan
from orchestrator.execution.model import Snapshot
from orchestrator.execution.rerun import counters_after_reset, rerun_set, runs_again
from orchestrator.operations.results import Forked, Submitted
from orchestrator.states import NodeStatus, sources_of
from orchestrator.store.layout import VERSION, Slice, lay_out, reuses
from orchestrator.store.repair_words import retry_words
from orchestrator.store.transitions import Transitions

#: Items of a retry listed by one script.
RETRY_SLICE = 500


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """What a retry in place runs again.

    nodes   to be run, in definition order; with those that wait for them.
    chosen  how many nodes are reset.
    items   the nodes and items that are reset, as the script takes them.
    """

    nodes: tuple[str, ...]
    chosen: int
    items: list[str]

    def slices(self) -> list[list[str]]:
        """Cut the items into parts of one script each; at least one, which commits the retry."""
        return [self.items[i : i + RETRY_SLICE] for i in range(0, len(self.items), RETRY_SLICE)] or [[]]


def plan_retry(source: Snapshot, generation: int | None) -> RetryPlan:
    """Choose what a retry resets. Pure.

    Raises InvalidTransition where nothing is to run again, LayoutUnknown where an older version wrote it.
    """
    execution, allowed = source.execution, sources_of("retry_execution", "execution")

    def refused(found: str, wanted: str | None = None) -> InvalidTransition:
        return InvalidTransition("retry", execution.execution_id, found, allowed, wanted=wanted)

    if execution.older_layout is not None:
        raise LayoutUnknown(execution.execution_id, str(execution.older_layout), str(VERSION))
    if generation is not None and generation > execution.generation:
        wanted = f"there has been no generation {generation} yet"
        raise refused(f"in generation {execution.generation}", wanted)
    if execution.status not in allowed:
        raise refused(execution.status)
    if execution.started_ms is None and execution.inputs is None and source.definition.inputs_schema:
        raise refused(f"{execution.status} before it was started, and its inputs were never given")
    chosen = rerun_set(source)
    # The output of the whole is rendered again in any case, and may be all that there is to do.
    is_output_open = source.definition.output_node is not None and (
        source.output is None or source.output.status is not NodeStatus.COMPLETED
    )
    if not chosen and not is_output_open:
        raise refused("without a failed or cancelled node")
    return RetryPlan(
        tuple(runs_again(source, chosen)), len(chosen), retry_words(counters_after_reset(source, chosen))
    )


def merged_inputs(
    old: dict[str, Any] | None, new: dict[str, Any] | None, *, is_merged: bool
) -> dict[str, Any] | None:
    """Give the inputs of a rerun; None where none were ever given."""
    if new is None:
        return old
    return {**(old or {}), **new} if is_merged else new


async def stage_fork(transitions: Transitions, execution_id: str, source_id: str, plan: ForkPlan) -> Slice:
    """Write every slice of a fork but the last, with what it keeps; gives the last, which makes it visible.

    Raises ExecutionNotFound when the source is purged meanwhile, StoreUnavailable when the staged fork is.
    """
    layout = lay_out(plan.definition, is_staged=True)
    for part in layout.staged:
        await transitions.stage_execution(execution_id, part)
    for reuse in reuses(plan):
        rest = reuse
        while rest.nodes or rest.fields:
            word, done = await transitions.reuse_nodes(execution_id, source_id, rest)
            if word == "unknown":
                raise ExecutionNotFound(source_id)
            if word != "ok":
                # What is kept never changes: what was staged has been purged. Start over.
                raise StoreUnavailable(f"execution {source_id} was {word} while being forked")
            rest = rest.after(done)
    return layout.last


def fork_result(plan: ForkPlan, source_id: str, fork: Submitted | None = None) -> Forked:
    """Describe a fork, or the preview of one where there is none."""
    return Forked(
        forked_from=source_id,
        nodes=plan.again,
        reused=tuple(plan.kept),
        skipped=plan.aside,
        execution_id=fork.execution_id if fork else None,
        status=fork.status if fork else None,
        replayed=fork.replayed if fork else False,
    )
