"""Plays an execution in memory by doing what plan() says and ending running nodes in a random order."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from orchestrator.definitions.definition import OUTPUT, Definition
from orchestrator.definitions.error_types import matches
from orchestrator.execution.model import Execution, NodeState, Snapshot
from orchestrator.execution.planner import Cancel, Decision, Finish, Queue, Recount, RecountLeft, Skip, plan
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.dags import Outcome, compiled
from tests.interpreter import Scripted, has_output, nodes_of, word_of

Statuses = dict[str, NodeStatus]
Reasons = dict[str, Reason | None]


#: What the words of the interpreter for a failure are as reasons.
FAILED_BY = {"fail": Reason.ERROR, "late": Reason.TIMEOUT}


def fresh(definition: Definition, **fields: object) -> Snapshot:
    """Give the snapshot of an execution that has just been triggered and in which nothing has happened."""
    execution = Execution(
        execution_id="x1",
        name=definition.name,
        version=definition.version,
        status=ExecutionStatus.RUNNING,
        left=len(definition.nodes),
        created_ms=1_000,
    )
    nodes = {node.id: NodeState(node.id) for node in definition.nodes}
    return Snapshot(replace(execution, **fields), definition, nodes, now_ms=10_000)  # type: ignore[arg-type]


@dataclass
class Play:
    """One execution under way, with every lease, message and timer in place."""

    snapshot: Snapshot
    not_taken: dict[str, frozenset[str]] = field(default_factory=dict)
    #: What nodes come to; asked for those that the output of the whole reads.
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)

    def settle(self) -> None:
        """Do what the plan says until it says nothing more."""
        while decisions := plan(self.view()):
            for decision in decisions:
                self._do(decision)

    def end(self, node_id: str, outcome: Outcome) -> None:
        """End a queued node as its handler would; a mapped one at once, as its items would."""
        node = self._node(node_id)
        word = word_of(node, outcome, _end_of_child)
        if word in FAILED_BY:
            rules = self.snapshot.definition.node(node_id).catch
            taker = next((rule.goto for rule in rules if matches("HandlerError", rule.errors)), None)
            self._move(node_id, status=NodeStatus.FAILED, reason=FAILED_BY[word], caught=taker)
        elif word == "skip":
            has_when = self.snapshot.definition.node(node_id).when is not None
            reason = Reason.CONDITION_FALSE if has_when else Reason.HANDLER_SKIPPED
            self._move(node_id, status=NodeStatus.SKIPPED, reason=reason)
        else:
            self._move(node_id, status=NodeStatus.COMPLETED)
            has_branches = not isinstance(outcome, str) and outcome[0] == "branch"
            self.not_taken[node_id] = frozenset(outcome[1] if has_branches else ())

    def having(self, status: NodeStatus) -> list[str]:
        """List the nodes of a status, in definition order."""
        return [node_id for node_id, state in self.snapshot.nodes.items() if state.status == status]

    def view(self) -> Snapshot:
        """Give the snapshot with every message and lease where it should be."""
        nodes = self.snapshot.nodes
        return replace(
            self.snapshot,
            not_taken=self.not_taken,
            live_messages=frozenset(self.having(NodeStatus.QUEUED)),
            leases=frozenset((i, nodes[i].attempt) for i in self.having(NodeStatus.RUNNING)),
        )

    def _do(self, decision: Decision) -> None:
        match decision:
            case Recount(node_id, ok, bad, skip, gates_done, not_taken):
                self._move(node_id, ok=ok, bad=bad, skip=skip, gates_done=gates_done, not_taken=not_taken)
            case RecountLeft(left, failed):
                self._change(left=left, failed=failed)
            case Skip(node_id, reason):
                self._leave_pending(node_id, NodeStatus.SKIPPED, reason)
            case Queue(node_id):
                self._leave_pending(node_id, NodeStatus.QUEUED, None)
            case Cancel(node_id):
                self._move(node_id, status=NodeStatus.CANCELLED, reason=Reason.CANCELLED)
            case Finish(status):
                if status == ExecutionStatus.COMPLETED and self.snapshot.output is None and self._render():
                    return
                self._change(status=status)
            case other:
                raise AssertionError(f"nothing is lost in a simulation, yet the plan says {other}")

    def _render(self) -> bool:
        """End the unit that renders the output of the whole; False where there is none."""
        definition, nodes = self.snapshot.definition, self.snapshot.nodes
        if definition.output_node is None:
            return False
        ends = {i: (str(state.status), state.reason) for i, state in nodes.items()}
        is_there = has_output(definition.source, ends, lambda node: self.outcomes[node["id"]])
        status = NodeStatus.COMPLETED if is_there else NodeStatus.FAILED
        self.snapshot = replace(self.snapshot, output=NodeState(OUTPUT, status))
        return True

    def _node(self, node_id: str) -> dict[str, Any]:
        return next(node for node in nodes_of(self.snapshot.definition.source) if node["id"] == node_id)

    def _leave_pending(self, node_id: str, status: NodeStatus, reason: Reason | None) -> None:
        assert self.snapshot.nodes[node_id].status == NodeStatus.PENDING
        self._move(node_id, status=status, reason=reason)

    def _move(self, node_id: str, **fields: object) -> None:
        state = replace(self.snapshot.nodes[node_id], **fields)  # type: ignore[arg-type]
        self.snapshot = replace(self.snapshot, nodes={**self.snapshot.nodes, node_id: state})

    def _change(self, **fields: object) -> None:
        execution = replace(self.snapshot.execution, **fields)  # type: ignore[arg-type]
        self.snapshot = replace(self.snapshot, execution=execution)


def simulate(
    definition: Definition, outcomes: Mapping[str, Outcome], order: Random
) -> tuple[Statuses, Reasons, ExecutionStatus]:
    """Run to the end, ending a queued node chosen by `order` each time: statuses, reasons and the end."""
    play = Play(fresh(definition), outcomes=outcomes)
    play.settle()
    while queued := play.having(NodeStatus.QUEUED):
        chosen = order.choice(queued)
        play.end(chosen, outcomes[chosen])
        play.settle()
    nodes = play.snapshot.nodes
    return (
        {node_id: state.status for node_id, state in nodes.items()},
        {node_id: state.reason for node_id, state in nodes.items()},
        play.snapshot.execution.status,
    )


def _end_of_child(child: Scripted) -> str:
    """Give the status that a child ends in, by the same means."""
    definition = compiled(child.document)
    outcomes = {node["id"]: child.outcome(node) for node in nodes_of(child.document)}
    return str(simulate(definition, outcomes, Random(0))[2])
