"""Which nodes a retry in place runs again, and what their counters are by then. Pure."""

from __future__ import annotations

from orchestrator.execution.counters import (
    Counters,
    caught_in,
    expected_counters,
    is_handled,
    skipped_at_once,
)
from orchestrator.execution.model import Snapshot
from orchestrator.states import NodeStatus, Reason


def rerun_set(snapshot: Snapshot) -> list[str]:
    """Name, in definition order, the nodes that a retry runs again.

    FAILED nodes whose failure nothing handled, CANCELLED ones and, transitively, SKIPPED ones with a direct
    dependency among them, except what a condition outside the set did not take. COMPLETED nodes stay.
    """
    states = snapshot.nodes
    chosen = {
        node_id
        for node_id, state in states.items()
        if state.status in (NodeStatus.FAILED, NodeStatus.CANCELLED)
        and not is_handled(snapshot.definition.node(node_id), state)
    }
    todo = list(chosen)
    while todo:
        for successor in snapshot.definition.successors.get(todo.pop(), ()):
            state = states[successor]
            if successor in chosen or state.status is not NodeStatus.SKIPPED:
                continue
            if state.reason is Reason.BRANCH_NOT_TAKEN and not _deciders(snapshot, successor) & chosen:
                continue
            chosen.add(successor)
            todo.append(successor)
    return [node.id for node in snapshot.definition.nodes if node.id in chosen]


def runs_again(snapshot: Snapshot, chosen: list[str]) -> list[str]:
    """Leave out those of the set that are skipped again at once, whatever becomes of the others."""
    aside = skipped_at_once(snapshot.definition, *_after_reset(snapshot, chosen), caught_in(snapshot))
    return [node_id for node_id in chosen if node_id not in aside]


def counters_after_reset(snapshot: Snapshot, chosen: list[str]) -> dict[str, Counters]:
    """Count, for each node of the set, its dependencies as they are once the whole set is PENDING again."""
    counters = expected_counters(snapshot.definition, *_after_reset(snapshot, chosen), caught_in(snapshot))
    return {node_id: counters[node_id] for node_id in chosen}


def _after_reset(
    snapshot: Snapshot, chosen: list[str]
) -> tuple[dict[str, NodeStatus], dict[str, Reason | None], dict[str, frozenset[str]]]:
    """Give statuses, reasons and branches not taken as they are once the set is PENDING again."""
    again = frozenset(chosen)
    statuses = {
        node_id: NodeStatus.PENDING if node_id in again else state.status
        for node_id, state in snapshot.nodes.items()
    }
    reasons = {node_id: state.reason for node_id, state in snapshot.nodes.items()}
    not_taken = {node_id: ids for node_id, ids in snapshot.not_taken.items() if node_id not in again}
    return statuses, reasons, not_taken


def _deciders(snapshot: Snapshot, node_id: str) -> set[str]:
    """Name the conditions that did not take this node."""
    return {condition for condition, ids in snapshot.not_taken.items() if node_id in ids}
