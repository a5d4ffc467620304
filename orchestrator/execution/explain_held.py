"""Explains paused executions, the nodes they hold, and nodes that wait for an operator."""

from __future__ import annotations

from typing import Any

from orchestrator.errors import ErrorType
from orchestrator.execution.explanation import SWEEP, Explanation, clock, error_words, waits_for
from orchestrator.execution.model import Execution, NodeState, Snapshot
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn

_RESUME = "a resume of the execution"


def explain_pause(snapshot: Snapshot) -> Explanation:
    """Explain a PAUSED execution itself."""
    execution, running = snapshot.execution, running_units(snapshot)
    state = "nothing runs" if not running else f"{running} still run{'s' * (running == 1)}"
    return Explanation(
        None,
        execution.status,
        f"a resume: {_pause(execution)}; {state}, {len(snapshot.held)} held",
        None,
        _RESUME,
        {
            "actions": ["resume"],
            "paused_by": execution.paused_by,
            "paused_reason": execution.paused_reason,
            "held": len(snapshot.held),
            "running": running,
            "quiesced": not running,
        },
    )


def running_units(snapshot: Snapshot) -> int:
    """Count the attempts that run, those of items as well."""
    items = (state for map_state in snapshot.maps.values() for state in map_state.live.values())
    return sum(state.status is NodeStatus.RUNNING for state in (*snapshot.nodes.values(), *items))


def explain_held(snapshot: Snapshot, state: NodeState) -> Explanation | None:
    """Explain a node that only a resume, or an operator, will move on; None for every other one."""
    if state.status is NodeStatus.WAITING and state.waiting_on is WaitingOn.OPERATOR:
        return _explain_asking(snapshot, state)
    execution = snapshot.execution
    if execution.status is not ExecutionStatus.PAUSED:
        return None
    if state.status is NodeStatus.QUEUED and state.node_id in snapshot.live_messages:
        what = f"a resume; the next worker that reads its task holds it: {_pause(execution)}"
        return waits_for(state, what, _RESUME, held=False, actions=["resume"])
    if state.node_id not in snapshot.held:
        return None
    if state.status is NodeStatus.PENDING:
        what = f"a resume: it is ready, and {_pause(execution)}"
        return waits_for(state, what, _RESUME, held=True, actions=["resume"])
    if state.status is NodeStatus.WAITING and state.waiting_on is not WaitingOn.MAP:
        due = f"its timer ({state.waiting_on}) fell due at {clock(state.due_ms)}"
        what = f"a resume: {due}, and {_pause(execution)}"
        return waits_for(
            state,
            what,
            _RESUME,
            state.due_ms,
            held=True,
            waiting_on=str(state.waiting_on),
            error=state.error,
            actions=["resume"],
        )
    return None


def _explain_asking(snapshot: Snapshot, state: NodeState) -> Explanation:
    details: dict[str, Any] = {"waiting_on": str(WaitingOn.OPERATOR), "error": state.error}
    what = f"an operator: it has failed{error_words(state)}"
    if snapshot.worklist or state.node_id in snapshot.held:
        is_broke = state.error is not None and state.error.get("type") == ErrorType.BUDGET_EXCEEDED
        how = "to try again, with a larger `budget` where it is its own" if is_broke else "for new tries"
        wakes = f"{_RESUME} {how}, or completing, failing or skipping the node by hand"
        actions = ["resume", "complete", "fail", "skip"]
        return waits_for(state, what, wakes, actions=actions, is_over_budget=is_broke, **details)
    return waits_for(state, f"{what}; nothing lists it for the resume", SWEEP, repair=True, **details)


def _pause(execution: Execution) -> str:
    by = f" by {execution.paused_by}" if execution.paused_by else ""
    why = f" ({execution.paused_reason})" if execution.paused_reason else ""
    return f"the execution is paused{by} since {clock(execution.paused_ms)}{why}"
