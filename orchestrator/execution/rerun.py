"""Which nodes a retry in place runs again, and what their counters are by then. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from orchestrator.execution.counters import (
    Counters,
    caught_in,
    expected_counters,
    is_handled,
    skipped_at_once,
)
from orchestrator.execution.model import Snapshot
from orchestrator.states import ExecutionStatus, NodeStatus, Reason

_UNDONE = frozenset({NodeStatus.FAILED, NodeStatus.CANCELLED})
_BEHIND = _UNDONE | {NodeStatus.SKIPPED, NodeStatus.COMPLETED}


def rerun_set(snapshot: Snapshot) -> list[str]:
    """Name, in definition order, the nodes that a retry runs again.

    FAILED nodes whose failure nothing handled, CANCELLED ones and, transitively, SKIPPED ones with a direct
    dependency among them, except what a condition outside the set did not take. COMPLETED nodes stay.
    """
    failed = (
        node_id
        for node_id, state in snapshot.nodes.items()
        if state.status in _UNDONE and not is_handled(snapshot.definition.node(node_id), state)
    )
    return _with_successors(snapshot, failed, frozenset({NodeStatus.SKIPPED}))


def rerun_of(snapshot: Snapshot, named: Iterable[str]) -> list[str]:
    """Name, in definition order, the nodes that a retry of some nodes runs again: they and all behind them.

    What a condition outside the set did not take stays SKIPPED, and nothing is behind it.
    """
    return _with_successors(snapshot, named, _BEHIND)


def made_anew(snapshot: Snapshot, chosen: Iterable[str]) -> frozenset[str]:
    """Name those of a set that are behind others of it: their inputs change, so nothing of theirs is kept."""
    again = frozenset(chosen)
    dependencies = {node_id: snapshot.definition.node(node_id).dependencies for node_id in again}
    return frozenset(node_id for node_id in again if not again.isdisjoint(dependencies[node_id]))


def refused_nodes(
    snapshot: Snapshot, named: Collection[str], failed_maps: Collection[str]
) -> list[tuple[str, NodeStatus]]:
    """Give those of the nodes, with their statuses, that a retry cannot run again.

    failed_maps  mapped nodes that hold failed items. When the execution COMPLETED, only they can.
    """
    is_completed = snapshot.execution.status is ExecutionStatus.COMPLETED
    refused = []
    for node_id in (node.id for node in snapshot.definition.nodes if node.id in named):
        status = snapshot.nodes[node_id].status
        has_failed_items = node_id in failed_maps and status is not NodeStatus.SKIPPED
        if not has_failed_items and (is_completed or status not in _UNDONE):
            refused.append((node_id, status))
    return refused


def runs_again(snapshot: Snapshot, chosen: list[str]) -> list[str]:
    """Leave out those of the set that are skipped again at once, whatever becomes of the others."""
    aside = skipped_at_once(snapshot.definition, *_after_reset(snapshot, chosen))
    return [node_id for node_id in chosen if node_id not in aside]


def counters_after_reset(snapshot: Snapshot, chosen: list[str]) -> dict[str, Counters]:
    """Count, for each node of the set, its dependencies as they are once the whole set is PENDING again."""
    counters = expected_counters(snapshot.definition, *_after_reset(snapshot, chosen))
    return {node_id: counters[node_id] for node_id in chosen}


def _with_successors(snapshot: Snapshot, first: Iterable[str], statuses: Collection[NodeStatus]) -> list[str]:
    """Add the direct successors that are in one of these statuses because of what is chosen, and theirs."""
    states = snapshot.nodes
    chosen = set(first)
    todo = list(chosen)
    while todo:
        for successor in snapshot.definition.successors.get(todo.pop(), ()):
            state = states[successor]
            if successor in chosen or state.status not in statuses:
                continue
            if state.reason is Reason.BRANCH_NOT_TAKEN and not _deciders(snapshot, successor) & chosen:
                continue
            chosen.add(successor)
            todo.append(successor)
    return [node.id for node in snapshot.definition.nodes if node.id in chosen]


def _after_reset(
    snapshot: Snapshot, chosen: list[str]
) -> tuple[dict[str, NodeStatus], dict[str, Reason | None], dict[str, frozenset[str]], dict[str, str]]:
    """Give statuses, reasons, branches not taken and takeovers as they are once the set is PENDING again."""
    again = frozenset(chosen)
    statuses = {
        node_id: NodeStatus.PENDING if node_id in again else state.status
        for node_id, state in snapshot.nodes.items()
    }
    reasons = {node_id: state.reason for node_id, state in snapshot.nodes.items()}
    not_taken = {node_id: ids for node_id, ids in snapshot.not_taken.items() if node_id not in again}
    caught = {node_id: taker for node_id, taker in caught_in(snapshot).items() if node_id not in again}
    return statuses, reasons, not_taken, caught


def _deciders(snapshot: Snapshot, node_id: str) -> set[str]:
    """Name what did not take this node: conditions, and nodes that it would have taken over from."""
    found = {condition for condition, ids in snapshot.not_taken.items() if node_id in ids}
    nodes = map(snapshot.definition.node, snapshot.definition.node(node_id).dependencies)
    return found | {node.id for node in nodes if node_id in node.gotos}
