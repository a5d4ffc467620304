"""Counters of ended dependencies, computed from statuses alone, and the decision about a node they give."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.graph import topological_order
from orchestrator.definitions.trigger_rules import (
    WAIT,
    OutcomeClass,
    TriggerRule,
    Verdict,
    decide,
    outcome_class,
)
from orchestrator.execution.model import NodeState, Snapshot
from orchestrator.states import NodeStatus, Reason

_NO_TAKEOVERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Counters:
    """How the direct dependencies of one node ended."""

    ok: int = 0
    bad: int = 0
    skip: int = 0
    gates_done: int = 0
    not_taken: bool = False


def is_handled(node: Node, state: NodeState) -> bool:
    """Say whether a node's failure fails nothing else: a successor took over, or it continues on failure."""
    return state.status is NodeStatus.FAILED and (state.caught is not None or node.continues_on_failure)


def fails_execution(node: Node, state: NodeState) -> bool:
    """Say whether the failure of a node by itself fails its execution."""
    return state.status is NodeStatus.FAILED and node.critical and not is_handled(node, state)


def count_failed(snapshot: Snapshot, *, without: Collection[str] = ()) -> int:
    """Count the critical nodes that fail the execution: FAILED with nothing to handle it, or left CANCELLED.

    A node is left CANCELLED by a retry of others; in an execution that is being cancelled none counts.

    without  nodes that are not looked at.
    """
    is_cancelling = snapshot.execution.cancelling is not None and not snapshot.execution.status.is_terminal
    return sum(
        (state.status is NodeStatus.FAILED and not is_handled(node, state))
        or (state.status is NodeStatus.CANCELLED and not is_cancelling)
        for node in snapshot.definition.nodes
        if node.critical and node.id not in without
        for state in [snapshot.nodes[node.id]]
    )


def expected_counters(
    definition: Definition,
    statuses: Mapping[str, NodeStatus],
    reasons: Mapping[str, Reason | None],
    not_taken: Mapping[str, Collection[str]],
    caught: Mapping[str, str] = _NO_TAKEOVERS,
) -> dict[str, Counters]:
    """Count the outcomes of every node's direct dependencies from scratch.

    not_taken  {node id: successors it did not take}, for conditions and switches that ended.
    caught     {node id: successor that took over}, for nodes that failed.
    """
    ends = _Ends(definition, dict(statuses), reasons, not_taken, caught)
    return {node.id: ends.count(node) for node in definition.nodes}


def skipped_at_once(
    definition: Definition,
    statuses: Mapping[str, NodeStatus],
    reasons: Mapping[str, Reason | None],
    not_taken: Mapping[str, Collection[str]],
    caught: Mapping[str, str] = _NO_TAKEOVERS,
) -> frozenset[str]:
    """Name the PENDING nodes that are skipped whatever the others will do: none of them is going to run."""
    ends = _Ends(definition, dict(statuses), reasons, not_taken, caught)
    found: set[str] = set()
    for node_id in topological_order({node.id: node.dependencies for node in definition.nodes}):
        node = definition.node(node_id)
        if ends.statuses[node_id] is not NodeStatus.PENDING:
            continue
        counters = ends.count(node)
        gates = definition.gates.get(node_id, 0)
        verdict = decide_node(node.trigger_rule, counters, total=len(node.dependencies), gates=gates)
        if isinstance(verdict, Reason):
            ends.statuses[node_id] = NodeStatus.SKIPPED
            ends.classes[node_id] = outcome_class(NodeStatus.SKIPPED, verdict)
            found.add(node_id)
    return frozenset(found)


def decide_node(rule: TriggerRule, counters: Counters, *, total: int, gates: int) -> Verdict:
    """Say whether a PENDING node runs, waits or is skipped, branches first.

    gates  conditions that name the node in a branch; it is not decided before all of them ended.
    """
    if counters.gates_done < gates:
        return WAIT
    if counters.not_taken:
        return Reason.BRANCH_NOT_TAKEN
    return decide(rule, ok=counters.ok, bad=counters.bad, skip=counters.skip, total=total)


def stored_counters(state: NodeState) -> Counters:
    """Read the counters the scripts have kept for a node."""
    return Counters(state.ok, state.bad, state.skip, state.gates_done, state.not_taken)


def snapshot_counters(snapshot: Snapshot) -> dict[str, Counters]:
    """Count from scratch for every node of a snapshot."""
    return expected_counters(
        snapshot.definition,
        {node_id: state.status for node_id, state in snapshot.nodes.items()},
        {node_id: state.reason for node_id, state in snapshot.nodes.items()},
        snapshot.not_taken,
        caught_in(snapshot),
    )


def caught_in(snapshot: Snapshot) -> dict[str, str]:
    """Name the successor that took over from each failed node that had one."""
    return {node_id: state.caught for node_id, state in snapshot.nodes.items() if state.caught is not None}


class _Ends:
    """How nodes ended, as their successors see it."""

    def __init__(
        self,
        definition: Definition,
        statuses: dict[str, NodeStatus],
        reasons: Mapping[str, Reason | None],
        not_taken: Mapping[str, Collection[str]],
        caught: Mapping[str, str],
    ) -> None:
        self.statuses = statuses
        self.not_taken = not_taken
        self.caught = caught
        self.classes: dict[str, OutcomeClass | None] = {
            node_id: outcome_class(status, reasons.get(node_id)) for node_id, status in statuses.items()
        }
        for node in definition.nodes:
            if node.continues_on_failure and statuses[node.id] is NodeStatus.FAILED and node.id not in caught:
                self.classes[node.id] = "ok"
        self.branches = {node.id: frozenset(node.branches) for node in definition.nodes if node.branches}
        self.gotos = {node.id: frozenset(node.gotos) for node in definition.nodes if node.catch}

    def count(self, node: Node) -> Counters:
        ok = bad = skip = gates_done = 0
        left_out = False
        for dependency in node.dependencies:
            outcome = self.classes[dependency]
            if outcome == "ok" or self.caught.get(dependency) == node.id:
                ok += 1
            elif outcome == "bad":
                bad += 1
            elif outcome == "skip":
                skip += 1
            if dependency in self.branches and node.id in self.branches[dependency]:
                gates_done += self.statuses[dependency].is_terminal
                left_out = left_out or (outcome == "ok" and self._is_left_out(node.id, dependency))
        return Counters(ok, bad, skip, gates_done, left_out)

    def _is_left_out(self, node_id: str, dependency: str) -> bool:
        """Say whether a dependency that did not fail leaves a node out: branch not taken, or no error."""
        return node_id in self.not_taken.get(dependency, ()) or node_id in self.gotos.get(dependency, ())
