"""Traces what never ran to the failures at its origin. Pure, linear in nodes and dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.graph import topological_order
from orchestrator.execution.counters import fails_execution
from orchestrator.execution.model import NodeState
from orchestrator.states import NodeStatus, Reason

#: Root causes that are listed.
MOST_CAUSES = 50
#: Root causes that are named for one skipped node.
MOST_NAMED = 10
#: Bits in which the nodes behind one root cause are counted: more than any definition needs.
_BITS = 32


@dataclass(frozen=True, slots=True)
class RootCause:
    """A node whose end is no consequence of another one; kept: nodes that never ran because of it."""

    state: NodeState
    kept: int


@dataclass(frozen=True, slots=True)
class Causes:
    """The root causes of an execution.

    listed      the MOST_CAUSES oldest, oldest first; `kept` of each is exact.
    because_of  for nodes skipped as `upstream_failed` the ids of their MOST_NAMED oldest root causes, oldest
                first, listed or not. Empty where none is left: a retry has taken the failed node up again.
    """

    listed: tuple[RootCause, ...]
    because_of: Mapping[str, tuple[str, ...]]


def find_causes(definition: Definition, states: Mapping[str, NodeState]) -> Causes:
    """Find the root causes among the nodes of an execution, and what each kept from running.

    A FAILED node is one if it fails its execution, or if a node was skipped as `upstream_failed` behind it; a
    CANCELLED node only in the second case. A failure that was handled keeps nothing from running as a rule.

    states  of all nodes of the definition.
    """
    behind = _skipped_behind(definition, states)
    blamed = {other for others in behind.values() for other in others}.difference(behind)
    ends = (
        states[node.id]
        for node in definition.nodes
        if node.id in blamed or fails_execution(node, states[node.id])
    )
    roots = sorted(ends, key=lambda state: state.ended_ms or 0)
    named: dict[str, tuple[int, ...]] = {state.node_id: (rank,) for rank, state in enumerate(roots)}
    # A bit for each listed cause, in a field of its own: `|` joins sets of causes, and the sum of all sets
    # counts in each field those that have that cause. A walk behind each cause would be quadratic.
    marks = {state.node_id: 1 << (rank * _BITS) for rank, state in enumerate(roots[:MOST_CAUSES])}
    total = 0
    for node_id in topological_order(_among_themselves(behind)):
        mark = 0
        for other in behind[node_id]:
            mark |= marks.get(other, 0)
        marks[node_id] = mark
        total += mark
        named[node_id] = _oldest([named.get(other, ()) for other in behind[node_id]])
    return Causes(
        listed=tuple(
            RootCause(state, (total >> (rank * _BITS)) & ((1 << _BITS) - 1))
            for rank, state in enumerate(roots[:MOST_CAUSES])
        ),
        because_of={node_id: tuple(roots[rank].node_id for rank in named[node_id]) for node_id in behind},
    )


def _skipped_behind(definition: Definition, states: Mapping[str, NodeState]) -> dict[str, list[str]]:
    """Give the dependencies that count as failed, for each node that was skipped as `upstream_failed`."""
    return {
        node.id: [
            other for other in node.dependencies if _is_bad(definition.by_id[other], states[other], node.id)
        ]
        for node in definition.nodes
        if _is_behind_failure(states[node.id])
    }


def _is_behind_failure(state: NodeState) -> bool:
    return state.status is NodeStatus.SKIPPED and state.reason is Reason.UPSTREAM_FAILED


def _is_bad(node: Node, state: NodeState, dependant: str) -> bool:
    """Say whether a node counts as failed for one of its dependants, as `expected_counters` does."""
    if state.status is not NodeStatus.FAILED:
        return state.status is NodeStatus.CANCELLED or _is_behind_failure(state)
    # Where a successor takes over, only that one runs; otherwise all do, if the node continues on failure.
    return state.caught != dependant if state.caught is not None else not node.continues_on_failure


def _among_themselves(behind: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {node_id: [other for other in others if other in behind] for node_id, others in behind.items()}


def _oldest(ranks: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Join ranks, and keep the first MOST_NAMED: with those of each part known, that is exact."""
    if len(ranks) == 1:
        return ranks[0]
    return tuple(sorted(set().union(*ranks))[:MOST_NAMED])
