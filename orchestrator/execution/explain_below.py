"""Explains waits for what a node starts itself: its items or a child; and items that are not started."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.definition import Node
from orchestrator.execution.explanation import SWEEP, Explanation, waits_for
from orchestrator.execution.model import ChildState, NodeState, Snapshot
from orchestrator.execution.planner import recount_map
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn


def explain_items(snapshot: Snapshot, node: Node, state: NodeState) -> Explanation:
    """Explain a mapped node that waits for its items."""
    map_state = snapshot.maps[node.id]
    is_held = node.id in snapshot.held
    counts = map_state.counts
    done = counts.ended + (counts.left if counts.is_halted else 0)
    words = [item.status for item in map_state.live.values()]
    parts = [f"map: {done:,} of {counts.total:,} items done"]
    for status in (NodeStatus.RUNNING, NodeStatus.QUEUED, NodeStatus.WAITING):
        if status in words:
            parts.append(f"{words.count(status):,} {status.lower()}")
    if counts.failed:
        parts.append(f"{counts.failed:,} failed ({counts.tolerated:,} tolerated)")
    if held := words.count(NodeStatus.PENDING):
        parts.append(f"{held:,} held")
    # A saved worklist entry has changed its item, but not yet the counts.
    is_stuck = not snapshot.worklist and bool(recount_map(node, map_state, may_start=not is_held))
    return waits_for(
        state,
        f"its items ({', '.join(parts)})",
        SWEEP if is_stuck else f"{'a resume, and ' * is_held}the end of the last item",
        waiting_on=str(state.waiting_on),
        total=counts.total,
        done=done,
        failed=counts.failed,
        live=counts.live,
        **({"repair": True} if is_stuck else {}),
    )


def explain_unstarted(snapshot: Snapshot, node: Node, state: NodeState) -> Explanation:
    """Explain an item that has not been started.

    node  the mapped node; state: of the item.
    """
    found = snapshot.maps.get(node.id)
    if found is None or found.counts.is_halted:
        what = f"nothing: {node.id} starts no further item"
        return waits_for(state, what, "nothing; it stays as it is", is_halted=True)
    if snapshot.execution.cancelling is not None:
        cause = str(snapshot.execution.cancelling)
        what = f"nothing: the execution is ending (cause: {cause})"
        return waits_for(state, what, "nothing; it stays as it is", cause=cause)
    counts = found.counts
    live = f"{counts.live:,} of at most {node.map.live if node.map else 0:,} items are under way"
    details = {"live": counts.live, "started": counts.started, "total": counts.total}
    if snapshot.execution.status is ExecutionStatus.PAUSED:
        what = f"a resume: {live}, and a paused execution starts none"
        return waits_for(state, what, "a resume of the execution", actions=["resume"], **details)
    return waits_for(
        state, f"its turn: {live}, and those before it come first", "the end of another item", **details
    )


def explain_child(child: ChildState, state: NodeState) -> Explanation:
    """Explain a wait for a child execution."""
    named = f"child execution {child.child_id}" + (f" ('{child.name}')" if child.name else "")
    details: dict[str, Any] = {
        "waiting_on": str(WaitingOn.CHILD),
        "child": child.child_id,
        "child_status": str(child.status) if child.status else None,
    }
    if child.has_ended or state.waiting_on is None:
        what = f"has ended {child.status}" if child.status else "is not there"
        what = what if child.has_ended else "would not wake it"
        return waits_for(state, f"its {named}, which {what}", SWEEP, repair=True, **details)
    ending = ", being cancelled" if child.is_cancelling else ""
    wakes = f"the end of execution {child.child_id}"
    return waits_for(state, f"the end of its {named}, which is {child.status}{ending}", wakes, **details)
