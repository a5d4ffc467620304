"""`execute_workflow`: look at one execution, plan what ought to be true, repair what is not.

Dispatch does not need it: the script that ends a node queues what became ready. It is for what faults took
away (a message, a lease, a timer, a counter) and for statuses changed by hand. Without faults it finds
nothing to do.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import RepairView
from orchestrator.store.layout import lay_out
from orchestrator.store.reader import Store
from orchestrator.store.repair_words import repair_words
from orchestrator.store.script_client import STORE_OUTAGES, is_fault
from orchestrator.store.static_layouts import StaticLayouts
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.executor")

#: Repairs sent in one script.
BATCH = 200
#: Executions counted, or purged, in one round trip: Redis answers nobody else meanwhile.
FOLDED_TOGETHER = 50
#: How long what is damaged stands back behind all others.
PUT_OFF_MS = 60_000
#: A repair may make the next one visible (a skip that cascades); so many rounds at most in one call.
ROUNDS = 50


async def execute_workflow(store: Store, transitions: Transitions, execution_id: str) -> int:
    """Repair one execution until it needs nothing more; returns how many repairs were made."""
    made = 0
    for _ in range(ROUNDS):
        try:
            view = await store.read_for_repair(execution_id)
        except ExecutionNotFound:
            return made  # it has ended and was purged while it was read
        if view is None:
            return made
        if view.lost_layout is not None:
            # Every repair below needs it.
            await rebuild_layout(transitions, view, view.lost_layout)
            made += 1
        repairs = repair_words(view)
        if not repairs:
            return made
        batch = repairs[:BATCH]
        word, more = await transitions.repair_execution(execution_id, seq=view.seq, repairs=batch)
        if word != "ok":
            # It went on while we looked, so it is not stuck; the next sweep looks again.
            return made
        made += len(batch)
        log.warning("execution.repaired", extra={"execution_id": execution_id, "repairs": batch[:20]})
        if more:
            await transitions.drain_worklist(execution_id)
    return made


async def rebuild_layout(transitions: Transitions, view: RepairView, digest: str) -> None:
    """Make a static layout that is lost of the stored definition again.

    It may differ from the one that was lost where a handler has a retry policy of its own, which only workers
    and API know of: `is_equal` says so, and the next start that brings the true one replaces it.
    """
    execution = view.snapshot.execution
    layout = lay_out(view.snapshot.definition)
    await StaticLayouts(transitions).write(execution.tenant, layout, digest=digest)
    log.warning(
        "execution.layout_rebuilt",
        extra={
            "execution_id": execution.execution_id, "layout": digest, "is_equal": digest == layout.digest,
        },
    )  # fmt: skip


async def remove_keys(transitions: Transitions, execution_id: str, *, most_calls: int | None = None) -> bool:
    """Remove what is left of an execution that was purged; says whether all of it is gone.

    most_calls  after which it stops; None goes on to the end.
    """
    calls, more = 0, True
    while more and (most_calls is None or calls < most_calls):
        _, more = await transitions.purge_keys(execution_id)
        calls += 1
    return not more


async def remove_all_keys(transitions: Transitions, execution_ids: Sequence[str]) -> None:
    """Remove what is left of executions that were purged; what cannot be removed stays listed."""
    left = list(execution_ids)
    while left:
        calls = [transitions.purge_keys(each) for each in left]
        answers = await transitions.call_all(calls, are_apart=True)
        left = [
            each for each, answer in zip(left, answers, strict=True) if not is_fault(answer) and answer[1]
        ]


async def fold_ended(store: Store, transitions: Transitions, now_ms: int, *, limit: int) -> int:
    """Count executions that have ended in the statistics, in the order of their ends; returns how many.

    limit  so many at most.
    """
    folded = 0
    while folded < limit:
        ids = await store.index.due("ended", now_ms, min(FOLDED_TOGETHER, limit - folded))
        if not ids:
            break
        folded += await _fold_all(store, transitions, ids, now_ms)
    return folded


async def _fold_all(store: Store, transitions: Transitions, execution_ids: Sequence[str], now_ms: int) -> int:
    left, damaged = list(execution_ids), []
    while left:
        calls = [transitions.fold_execution(each) for each in left]
        answers = dict(zip(left, await transitions.call_all(calls, are_apart=True), strict=True))
        damaged += [each for each, answer in answers.items() if is_fault(answer)]
        left = [each for each, answer in answers.items() if not is_fault(answer) and answer[1]]
    if damaged:
        # What cannot be counted must not keep all others from it.
        log.error("execution.not_counted", extra={"execution_ids": damaged[:20]})
        await store.put_off("ended", damaged, now_ms + PUT_OFF_MS)
    return len(execution_ids) - len(damaged)


async def drain_apart(transitions: Transitions, execution_id: str) -> None:
    """Settle the saved turns of one of many executions: that it is damaged must not concern the others."""
    try:
        await transitions.drain_worklist(execution_id)
    except STORE_OUTAGES:
        raise
    except Exception:
        log.exception("execution.not_drained", extra={"execution_id": execution_id})
