"""Small makers of snapshots: three workflows, and states for some of their nodes."""

from dataclasses import replace
from typing import Any

from orchestrator.execution.counters import expected_counters
from orchestrator.execution.model import NodeState, Snapshot
from orchestrator.states import NodeStatus, Reason
from tests.dags import compiled, condition, node, workflow
from tests.simulation import fresh

N = NodeStatus
CHAIN = workflow(node("A"), node("B", after=["A"]), node("C", after=["B"]))
DIAMOND = workflow(node("A"), node("B", after=["A"]), node("C", after=["A"]), node("D", after=["B", "C"]))
FORK = workflow(
    condition("if", true=["yes"], false=["no"]),
    node("yes", after=["if"]),
    node("no", after=["if"]),
    node("join", after=["yes", "no"]),
)

#: How a node may have ended, by a word.
ENDS: dict[str, tuple[NodeStatus, Reason | None]] = {
    "ok": (NodeStatus.COMPLETED, None),
    "failed": (NodeStatus.FAILED, Reason.ERROR),
    "cancelled": (NodeStatus.CANCELLED, Reason.CANCELLED),
    "upstream": (NodeStatus.SKIPPED, Reason.UPSTREAM_FAILED),
    "unwanted": (NodeStatus.SKIPPED, Reason.UPSTREAM_SKIPPED),
    "aside": (NodeStatus.SKIPPED, Reason.BRANCH_NOT_TAKEN),
    "when": (NodeStatus.SKIPPED, Reason.CONDITION_FALSE),
}


def given_states(document: dict[str, Any], *states: NodeState, **fields: Any) -> Snapshot:
    """Make a snapshot with these states; what is not given is PENDING. Counters and totals are right."""
    snapshot = fresh(compiled(document))
    nodes = {**snapshot.nodes, **{state.node_id: state for state in states}}
    snapshot = replace(snapshot, nodes=nodes)
    not_taken = fields.pop("not_taken", {})
    execution = replace(
        snapshot.execution,
        left=sum(not s.status.is_terminal for s in nodes.values()),
        failed=sum(nodes[n.id].status == N.FAILED and n.critical for n in snapshot.definition.nodes),
        **{key: fields.pop(key) for key in ("status", "cancelling") if key in fields},
    )
    counters = expected_counters(
        snapshot.definition,
        {i: s.status for i, s in nodes.items()},
        {i: s.reason for i, s in nodes.items()},
        not_taken,
    )
    right = {
        i: replace(
            s,
            ok=counters[i].ok,
            bad=counters[i].bad,
            skip=counters[i].skip,
            gates_done=counters[i].gates_done,
            not_taken=counters[i].not_taken,
        )
        for i, s in nodes.items()
    }
    return replace(snapshot, execution=execution, nodes=right, not_taken=not_taken, **fields)


def done(node_id: str) -> NodeState:
    """Give a node that COMPLETED."""
    return NodeState(node_id, N.COMPLETED, attempt=1)


def failed(node_id: str) -> NodeState:
    """Give a node that FAILED."""
    return NodeState(node_id, N.FAILED, Reason.ERROR, attempt=1)


def skipped(node_id: str, reason: Reason) -> NodeState:
    """Give a node that was SKIPPED."""
    return NodeState(node_id, N.SKIPPED, reason)
