"""What runs again: which nodes a retry resets, which inputs a rerun has, and how a fork is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from headrace.wording import did_you_mean
from orchestrator.errors import (
    ExecutionNotFound,
    InvalidTransition,
    LayoutUnknown,
    NodeBusy,
    NodeNotFound,
    StoreUnavailable,
)
from orchestrator.execution.counters import count_failed
from orchestrator.execution.fork import ForkPlan
from orchestrator.execution.model import Execution, Snapshot
from orchestrator.execution.rerun import (
    counters_after_reset,
    made_anew,
    refused_nodes,
    rerun_of,
    rerun_set,
    runs_again,
)
from orchestrator.operations.results import Forked, Submitted
from orchestrator.operations.submissions import Submissions
from orchestrator.states import ExecutionStatus, NodeStatus, sources_of
from orchestrator.store.fork_layout import reuses
from orchestrator.store.layout import VERSION, Layout, lay_out
from orchestrator.store.reader import Store
from orchestrator.store.repair_words import retry_words
from orchestrator.store.transitions import Transitions
from orchestrator.units import node_of

#: Items of a retry listed by one script.
RETRY_SLICE = 500


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """What a retry in place runs again.

    nodes   to be run, in definition order; with those that wait for them.
    chosen  every node that is reset, in definition order.
    items   the turns of the retry, as the script takes them.
    choice  tells these turns from those of a retry of other nodes.
    failed  critical nodes that stay FAILED or CANCELLED.
    """

    nodes: tuple[str, ...]
    chosen: tuple[str, ...]
    items: list[str]
    choice: str
    failed: int

    def slices(self) -> list[list[str]]:
        """Cut the items into parts of one script each; at least one, which commits the retry."""
        return [self.items[i : i + RETRY_SLICE] for i in range(0, len(self.items), RETRY_SLICE)] or [[]]


def plan_retry(source: Snapshot, generation: int | None) -> RetryPlan:
    """Choose what a retry of the whole resets. Pure.

    Raises InvalidTransition where nothing is to run again, LayoutUnknown where an older version wrote it.
    """
    # What has completed holds nothing to run again, unless nodes are named.
    allowed = [status for status in retryable() if status != ExecutionStatus.COMPLETED]
    _check(source, generation, allowed)
    chosen = rerun_set(source)
    # The output of the whole is rendered again in any case, and may be all that there is to do.
    is_output_open = source.definition.output_node is not None and (
        source.output is None or source.output.status is not NodeStatus.COMPLETED
    )
    if not chosen and not is_output_open:
        found = "without a failed or cancelled node"
        raise InvalidTransition("retry", source.execution.execution_id, found, allowed)
    return _plan(source, chosen)


async def plan_retry_of(
    store: Store, source: Snapshot, named: Collection[str], generation: int | None
) -> RetryPlan:
    """Choose what a retry of some nodes resets.

    Raises InvalidTransition for a child execution and as above, LayoutUnknown, and NodeBusy for a node that
    cannot be retried.
    """
    execution = source.execution
    if execution.parent is not None:
        wanted = f"name nodes of its root execution {await _root_of(store, execution)}"
        found = "a child execution"
        raise InvalidTransition("retry", execution.execution_id, found, retryable(), wanted=wanted)
    _check(source, generation, retryable())
    mapped = [node.id for node in source.definition.nodes if node.map and node.id in named]
    failed_maps = await store.items.with_failed(execution.execution_id, mapped)
    if refused := refused_nodes(source, named, failed_maps):
        node_id, status = refused[0]
        allowed = "only a node that FAILED or was CANCELLED, or a map with failed items"
        if execution.status is ExecutionStatus.COMPLETED:
            allowed = "in an execution that is COMPLETED only a map with failed items"
        others = f" (and {len(refused) - 1} more of those named)" if refused[1:] else ""
        found = f"it is {status}{others}; {allowed} can be retried. To run it again, fork from it"
        raise NodeBusy("retry", execution.execution_id, node_id, found)
    chosen = rerun_of(source, named)
    return _plan(source, chosen, made_anew(source, chosen))


async def send_retry(
    transitions: Transitions, execution: Execution, plan: RetryPlan, wanted_by: str
) -> tuple[str, str, bool]:
    """Write the turns of a retry and start it; gives word, status and more of its last script."""
    slices = plan.slices()
    async with transitions.durable():
        for number, items in enumerate(slices):
            word, status, more = await transitions.retry_execution(
                execution.execution_id,
                generation=execution.generation,
                position=number * RETRY_SLICE,
                nodes=plan.chosen if number == len(slices) - 1 else None,
                items=items,
                wanted_by=wanted_by,
                choice=plan.choice,
                failed=plan.failed,
            )
            if word not in ("ok", "listed"):
                break
    return word, status, bool(more)


async def _root_of(store: Store, execution: Execution) -> str:
    """Find the execution above all others; the highest that is left, where some have been purged."""
    while execution.parent is not None and (parent := await store.execution(execution.parent)):
        execution = parent
    return execution.execution_id


def retryable() -> Sequence[str]:
    """Name the statuses that a retry of an execution can leave."""
    return sources_of("retry_execution", "execution")


def check_named(source: Snapshot, named: Collection[str]) -> None:
    """Raise NodeNotFound for an id that is none of a node."""
    nodes = source.definition.by_id
    for unit in named:
        if unit not in nodes:
            # Items run again with their node.
            node_id = node_of(unit)
            hint = did_you_mean(node_id, (node_id,) if node_id in nodes else nodes)
            raise NodeNotFound(source.execution.execution_id, unit, hint=hint)


def _plan(source: Snapshot, chosen: list[str], anew: Collection[str] = ()) -> RetryPlan:
    items = retry_words(counters_after_reset(source, chosen), anew)
    return RetryPlan(
        nodes=tuple(runs_again(source, chosen)),
        chosen=tuple(chosen),
        items=items,
        choice=sha256("\n".join(items).encode()).hexdigest()[:16],
        failed=count_failed(source, without=frozenset(chosen)),
    )


def _check(source: Snapshot, generation: int | None, allowed: Sequence[str]) -> None:
    """Raise InvalidTransition or LayoutUnknown for an execution that cannot be retried, whatever of it."""
    execution = source.execution

    def refused(found: str, wanted: str | None = None) -> InvalidTransition:
        return InvalidTransition("retry", execution.execution_id, found, allowed, wanted=wanted)

    if execution.older_layout is not None:
        raise LayoutUnknown(execution.execution_id, str(execution.older_layout), str(VERSION))
    if generation is not None and generation > execution.generation:
        wanted = f"there has been no generation {generation} yet"
        raise refused(f"in generation {execution.generation}", wanted)
    if execution.status not in allowed:
        mapped = next((node.id for node in source.definition.nodes if node.map), None)
        wanted = (
            f"only {' or '.join(allowed)} can be retried; failed items of a map by its node, as {mapped!r}"
        )
        is_other = execution.status is not ExecutionStatus.COMPLETED or mapped is None
        raise refused(execution.status, None if is_other else wanted)
    if execution.started_ms is None and execution.inputs is None and source.definition.inputs_schema:
        raise refused(f"{execution.status} before it was started, and its inputs were never given")


def merged_inputs(
    old: dict[str, Any] | None, new: dict[str, Any] | None, *, is_merged: bool
) -> dict[str, Any] | None:
    """Give the inputs of a rerun; None where none were ever given."""
    if new is None:
        return old
    return {**(old or {}), **new} if is_merged else new


async def stage_fork(
    submissions: Submissions, execution_id: str, source_id: str, plan: ForkPlan, tenant: str
) -> Layout:
    """Write every slice of a fork but the last, which makes it visible, with what it keeps.

    Raises ExecutionNotFound when the source is purged meanwhile, StoreUnavailable when the staged fork is.
    """
    layout = lay_out(plan.definition, is_staged=True)
    await submissions.layouts.stage(execution_id, layout, tenant)
    transitions = submissions.transitions
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
    return layout


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
