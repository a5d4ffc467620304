"""`execute_workflow`: look at one execution, plan what ought to be true, repair what is not.

Dispatch does not need it: the script that ends a node queues what became ready. It is for what faults took
away (a message, a lease, a timer, a counter) and for statuses changed by hand. Without faults it finds
nothing to do.
"""

from __future__ import annotations

import logging

from orchestrator.execution import planner
from orchestrator.execution.model import RepairView
from orchestrator.execution.planner import Remap
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.executor")

#: Repairs sent in one script.
BATCH = 200
#: A repair may make the next one visible (a skip that cascades); so many rounds at most in one call.
ROUNDS = 50


async def execute_workflow(store: Store, transitions: Transitions, execution_id: str) -> int:
    """Repair one execution until it needs nothing more; returns how many repairs were made."""
    made = 0
    for _ in range(ROUNDS):
        sight = await store.read_for_repair(execution_id)
        if sight is None:
            return made
        repairs = repairs_for(sight)
        if not repairs:
            return made
        batch = repairs[:BATCH]
        word, more = await transitions.repair_execution(execution_id, seq=sight.seq, repairs=batch)
        if word != "ok":
            # It went on while we looked, so it is not stuck; the next sweep looks again.
            return made
        made += len(batch)
        log.warning("execution.repaired", extra={"execution_id": execution_id, "repairs": batch[:20]})
        if more:
            await transitions.drain_worklist(execution_id)
    return made


def repairs_for(sight: RepairView) -> list[str]:
    """Put the plan into the words of `repair_execution.lua`."""
    repairs = [in_words(decision) for decision in planner.plan(sight.snapshot)]
    repairs += [f"timer {kind} {due_ms}" for kind, due_ms in sight.missing]
    repairs += [
        f"retime {node_id} {attempt} {kind} {due_ms}" for node_id, attempt, kind, due_ms in sight.limits
    ]
    if sight.snapshot.execution.status.is_under_way and not sight.is_active:
        repairs.append("activate")
    return repairs


def in_words(decision: planner.Decision) -> str:
    match decision:
        case planner.Recount(node_id, ok, bad, skip, gates_done, not_taken):
            return f"recount {node_id} {ok} {bad} {skip} {gates_done} {int(not_taken)}"
        case planner.RecountLeft(left, failed):
            return f"left {left} {failed}"
        case planner.Queue(unit) | planner.Cancel(unit) | planner.Hold(unit) | planner.Release(unit):
            return f"{type(decision).__name__.lower()} {unit}"
        case planner.Skip(node_id, reason):
            return f"skip {node_id} {reason}"
        case planner.Requeue(node_id, attempt):
            return f"requeue {node_id} {attempt}"
        case planner.Relet(node_id, attempt):
            return f"relet {node_id} {attempt}"
        case planner.Retime(node_id, attempt, kind, due_ms):
            return f"retime {node_id} {attempt} {kind} {due_ms}"
        case planner.Relist(node_id, attempt):
            return f"relist {node_id} {attempt}"
        case planner.Rewake(node_id):
            return f"child {node_id}"
        case Remap(node_id, live, completed, failed, skipped):
            return f"items {node_id} {live} {completed} {failed} {skipped}"
        case planner.Drain():
            return "drain"
        case planner.Finish():
            return "finish"
