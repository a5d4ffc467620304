"""Says of a node that has a child execution what it waits for."""

from __future__ import annotations

from typing import Any

from orchestrator.execution import ChildSight, NodeState
from orchestrator.explanation import SWEEP, Explanation, say
from orchestrator.states import WaitingOn


def explain_child(child: ChildSight, state: NodeState) -> Explanation:
    """Say which execution a node waits for."""
    named = f"child execution {child.child_id}" + (f" ('{child.name}')" if child.name else "")
    details: dict[str, Any] = {
        "waiting_on": str(WaitingOn.CHILD),
        "child": child.child_id,
        "child_status": str(child.status) if child.status else None,
    }
    if child.has_ended or state.waiting_on is None:
        what = f"has ended {child.status}" if child.status else "is not there"
        what = what if child.has_ended else "would not tell its end"
        return say(state, f"its {named}, which {what}", SWEEP, repair=True, **details)
    ending = ", being cancelled" if child.is_cancelling else ""
    wakes = f"the end of execution {child.child_id}"
    return say(state, f"the end of its {named}, which is {child.status}{ending}", wakes, **details)
