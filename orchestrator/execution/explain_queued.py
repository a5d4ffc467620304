"""Explains nodes that wait for a worker to take their task."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.definitions.definition import Node
from orchestrator.execution.explanation import NAMES_SHOWN, SWEEP, Explanation, waits_for
from orchestrator.execution.inventory import WorkerInfo
from orchestrator.execution.model import NodeState, Snapshot

#: A worker is heard from every few seconds; one that has missed this much may hang, or be frozen.
SILENT_MS = 10_000


def explain_queued(
    snapshot: Snapshot,
    workers: Sequence[WorkerInfo],
    node: Node,
    state: NodeState,
    *,
    ahead: int | None,
    names_workers: bool,
    heard_ms: int | None = None,
) -> Explanation:
    """Explain a QUEUED node.

    workers        those that live.
    ahead          tasks before its own in the queue, where known.
    names_workers  workers, and what keeps them busy, are named; otherwise they are counted.
    heard_ms       when any worker that has not left was heard from last.
    """
    if node.id not in snapshot.live_messages:
        return waits_for(state, "its task, which is missing from the queue", SWEEP, repair=True)
    able = [worker for worker in workers if worker.offers(node.handler, node.queue)]
    since = (state.queued_ms or snapshot.now_ms) + (node.schedule_to_start_ms or 0)
    until_ms = since if node.schedule_to_start_ms is not None else None
    if not able:
        silent = ""
        if not workers and heard_ms is not None:
            silent = f"none has been heard from {_since(snapshot, heard_ms)}, and "
        return _explain_unoffered(node, state, workers, silent, until_ms, heard_ms, names_workers)
    last_ms = max(worker.beat_ms for worker in able)
    if snapshot.now_ms - last_ms > SILENT_MS:
        silent = f"not been heard from {_since(snapshot, last_ms)}"
        return _explain_silent(node, state, able, silent, until_ms, last_ms, names_workers)
    slots, running = sum(w.slots for w in able), sum(w.running for w in able)
    place = "" if ahead is None else f"; {ahead} tasks are ahead of it"
    blocked = sum(w.blocked for w in able)
    by = [unit for worker in able for unit in worker.blocked_by][:NAMES_SHOWN]
    if blocked:
        held = " by handlers that outlive their attempts"
        held += f" ({', '.join(by)})" if names_workers else ""
        place = f", {blocked} more blocked{held}{place}"
    return waits_for(
        state,
        f"a free slot: {len(able)} live worker{'s' * (len(able) > 1)} with handler '{node.handler}' on queue"
        f" '{node.queue}', {running} of {slots} slots busy{place}",
        "the next of these workers with a free slot",
        until_ms,
        handler=node.handler,
        queue=node.queue,
        live_workers=len(able),
        position=ahead,
        blocked=blocked,
        **({"workers": [w.worker_id for w in able[:NAMES_SHOWN]], "blocked_by": by} if names_workers else {}),
    )


def _explain_unoffered(
    node: Node,
    state: NodeState,
    workers: Sequence[WorkerInfo],
    silent: str,
    until_ms: int | None,
    heard_ms: int | None,
    names_workers: bool,
) -> Explanation:
    """Explain a node whose handler no live worker offers. silent: since when none at all was heard from."""
    alive = ", ".join(worker.name for worker in workers[:NAMES_SHOWN]) or "none"
    if workers and not names_workers:
        alive = str(len(workers))
    return waits_for(
        state,
        f"a worker: {silent}no live worker offers handler '{node.handler}' on queue '{node.queue}'"
        f" (live workers: {alive})",
        f"a worker that starts with handler '{node.handler}' on queue '{node.queue}'",
        until_ms,
        handler=node.handler,
        queue=node.queue,
        live_workers=0,
        **({"last_heard_ms": heard_ms} if silent else {}),
        **({"workers": []} if names_workers else {}),
    )


def _explain_silent(
    node: Node,
    state: NodeState,
    able: Sequence[WorkerInfo],
    silent: str,
    until_ms: int | None,
    heard_ms: int,
    names_workers: bool,
) -> Explanation:
    """Explain a node all of whose workers may hang, or are frozen."""
    which, has = (f"the {len(able)} workers", "have") if len(able) > 1 else ("the worker", "has")
    return waits_for(
        state,
        f"a worker: {which} with handler '{node.handler}' on queue '{node.queue}' {has} {silent}",
        "one of these workers, once it goes on, or another with the handler",
        until_ms,
        handler=node.handler,
        queue=node.queue,
        live_workers=len(able),
        last_heard_ms=heard_ms,
        **({"workers": [w.worker_id for w in able[:NAMES_SHOWN]]} if names_workers else {}),
    )


def _since(snapshot: Snapshot, since_ms: int) -> str:
    return f"for {(snapshot.now_ms - since_ms) // 1000:,} s"
