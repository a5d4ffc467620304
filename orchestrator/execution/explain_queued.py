"""Explains nodes that wait for a worker to take their task."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.definitions.definition import Node
from orchestrator.execution.explanation import NAMES_SHOWN, SWEEP, Explanation, waits_for
from orchestrator.execution.inventory import WorkerInfo
from orchestrator.execution.model import NodeState, Snapshot


def explain_queued(
    snapshot: Snapshot,
    workers: Sequence[WorkerInfo],
    node: Node,
    state: NodeState,
    *,
    ahead: int | None,
    names_workers: bool,
) -> Explanation:
    """Explain a QUEUED node.

    workers        those that live.
    ahead          tasks before its own in the queue, where known.
    names_workers  workers, and what keeps them busy, are named; otherwise they are counted.
    """
    if node.id not in snapshot.live_messages:
        return waits_for(state, "its task, which is missing from the queue", SWEEP, repair=True)
    able = [worker for worker in workers if worker.offers(node.handler, node.queue)]
    since = (state.queued_ms or snapshot.now_ms) + (node.schedule_to_start_ms or 0)
    until_ms = since if node.schedule_to_start_ms is not None else None
    if not able:
        alive = ", ".join(worker.name for worker in workers[:NAMES_SHOWN]) or "none"
        if workers and not names_workers:
            alive = str(len(workers))
        return waits_for(
            state,
            f"a worker: no live worker offers handler '{node.handler}' on queue '{node.queue}'"
            f" (live workers: {alive})",
            f"a worker that starts with handler '{node.handler}' on queue '{node.queue}'",
            until_ms,
            handler=node.handler,
            queue=node.queue,
            live_workers=0,
            **({"workers": []} if names_workers else {}),
        )
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
