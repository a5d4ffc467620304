"""Reads the children that units wait for, as far as the planner and people want to know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis

from orchestrator.execution import ChildSight, NodeState
from orchestrator.records import read_text
from orchestrator.redis_keys import Keys
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn


async def child_sights(redis: Redis, keys: Keys, units: Iterable[NodeState]) -> dict[str, ChildSight]:
    """Look at the child of every one of these units that waits for its child."""
    waiting = [state for state in units if _waits_for_child(state)]
    pipe: Any = redis.pipeline(transaction=False)
    for state in waiting:
        if state.child is not None:
            pipe.get(keys.status(state.child))
            pipe.hmget(keys.runtime(state.child), ["name", "cancelling"])
    answers = iter(await pipe.execute() if waiting else [])
    found: dict[str, ChildSight] = {}
    for state in waiting:
        if state.child is None:
            found[state.node_id] = ChildSight(None)
            continue
        word, (name, cancelling) = next(answers), next(answers)
        status = ExecutionStatus(word.decode()) if word else None
        found[state.node_id] = ChildSight(state.child, status, read_text(name), bool(cancelling))
    return found


def _waits_for_child(state: NodeState) -> bool:
    if state.status is not NodeStatus.WAITING:
        return False
    # One that does not say what it waits for, and has no due time, waits for the child it has.
    is_lost = state.waiting_on is None and state.due_ms is None and state.child is not None
    return state.waiting_on is WaitingOn.CHILD or is_lost
