"""Reads the lease, timer or task message of each live unit, to detect lost ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from redis.asyncio import Redis

from orchestrator.definitions.definition import Node
from orchestrator.execution.model import ChildState, NodeState
from orchestrator.redis_keys import Keys, lease_member, timer_member
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from orchestrator.store.records import read_text

#: A time-out is first of all the worker's own; its timer comes this much later, should the worker be stuck.
STUCK_SLACK_MS = 1_000


class Liveness:
    """Reads leases, timers, task messages and time limits."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def last_heard_ms(self) -> int | None:
        """When any worker that has not taken its leave was heard from last; None where none ever was."""
        rows = await self._redis.zrange(self._keys.shared("workers"), 0, 0, desc=True, withscores=True)
        return int(rows[0][1]) if rows else None

    async def lost_limits(
        self, execution_id: str, units: Sequence[tuple[Node, NodeState]], generation: int
    ) -> tuple[tuple[str, int, str, int], ...]:
        """Find time limits whose timer is missing: (unit, attempt or generation, kind, due)."""
        wanted = []
        for node, state in units:
            if state.status is NodeStatus.QUEUED and node.schedule_to_start_ms:
                due_ms = (state.queued_ms or 0) + node.schedule_to_start_ms
                wanted.append((state.node_id, state.attempt, "schedule_to_start", due_ms))
            elif state.status is NodeStatus.RUNNING and node.start_to_close_ms:
                due_ms = (state.started_ms or 0) + node.start_to_close_ms + STUCK_SLACK_MS
                wanted.append((state.node_id, state.attempt, "start_to_close", due_ms))
            is_bounded = node.schedule_to_close_ms and (node.map is None or state.node_id != node.id)
            is_begun = not state.status.is_terminal and (
                state.status is not NodeStatus.PENDING or state.close_ms
            )
            if is_bounded and is_begun and state.waiting_on is not WaitingOn.OPERATOR:
                due_ms = state.close_ms or (state.queued_ms or 0) + (node.schedule_to_close_ms or 0)
                wanted.append((state.node_id, generation, "schedule_to_close", due_ms))
        pipe = self._redis.pipeline(transaction=False)
        for node_id, attempt, kind, _ in wanted:
            pipe.zscore(self._keys.shared("timers"), timer_member(kind, execution_id, node_id, attempt))
        scores = await pipe.execute() if wanted else []
        return tuple(limit for limit, score in zip(wanted, scores, strict=True) if score is None)

    async def of(
        self, execution_id: str, units: Sequence[tuple[Node, NodeState]]
    ) -> tuple[set[tuple[str, int]], set[tuple[str, str, int]], set[str]]:
        """Read which leases, timers and messages of these live units exist.

        Gives {(unit, attempt)}, {(kind, unit, attempt)} and {unit}.
        """
        looked: list[tuple[NodeState, str]] = []
        pipe = self._redis.pipeline(transaction=False)
        for node, state in units:
            if state.status is NodeStatus.RUNNING:
                member = lease_member(execution_id, state.node_id, state.attempt)
                pipe.zscore(self._keys.shared("leases"), member)
            elif state.status is NodeStatus.WAITING and state.waiting_on:
                member = timer_member(state.waiting_on, execution_id, state.node_id, state.attempt)
                pipe.zscore(self._keys.shared("timers"), member)
            elif state.status is NodeStatus.QUEUED:
                entry = state.message_id or "0-0"
                pipe.xrange(self._keys.tasks(node.queue), entry, entry, count=1)
            else:
                continue
            looked.append((state, node.queue))
        answers = await pipe.execute() if looked else []
        leases: set[tuple[str, int]] = set()
        timers: set[tuple[str, str, int]] = set()
        live: set[str] = set()
        for (state, _), answer in zip(looked, answers, strict=True):
            if answer is None or answer == []:
                continue
            if state.status is NodeStatus.RUNNING:
                leases.add((state.node_id, state.attempt))
            elif state.status is NodeStatus.WAITING and state.waiting_on:
                timers.add((state.waiting_on, state.node_id, state.attempt))
            else:
                live.add(state.node_id)
        return leases, timers, live


async def child_states(redis: Redis, keys: Keys, units: Iterable[NodeState]) -> dict[str, ChildState]:
    """Read the child of every one of these units that waits for its child."""
    waiting = [state for state in units if _waits_for_child(state)]
    pipe: Any = redis.pipeline(transaction=False)
    for state in waiting:
        if state.child is not None:
            pipe.get(keys.status(state.child))
            pipe.hmget(keys.runtime(state.child), ["name", "cancelling"])
    answers = iter(await pipe.execute() if waiting else [])
    found: dict[str, ChildState] = {}
    for state in waiting:
        if state.child is None:
            found[state.node_id] = ChildState(None)
            continue
        word, (name, cancelling) = next(answers), next(answers)
        status = ExecutionStatus(word.decode()) if word else None
        found[state.node_id] = ChildState(state.child, status, read_text(name), bool(cancelling))
    return found


def _waits_for_child(state: NodeState) -> bool:
    if state.status is not NodeStatus.WAITING:
        return False
    # One that does not say what it waits for, and has no due time, waits for the child it has.
    is_lost = state.waiting_on is None and state.due_ms is None and state.child is not None
    return state.waiting_on is WaitingOn.CHILD or is_lost
