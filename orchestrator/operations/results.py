"""What the engine answers with: frozen values, one for each kind of question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.registry import WorkflowRecord, WorkflowVersion
from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.errors import ErrorType, Problem
from orchestrator.execution.access import ApiKey
from orchestrator.execution.counters import fails_execution
from orchestrator.execution.inventory import Check
from orchestrator.execution.model import Execution, MapCounts, NodeState
from orchestrator.states import ExecutionStatus, NodeStatus

#: The largest output shown among others: a node's, the execution's own, and those of all nodes together.
SHOWN_BYTES = 4 * 1024
SHOWN_FINAL_BYTES = 64 * 1024
SHOWN_TOGETHER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Submitted:
    """An execution that was created; `replayed` when the same request had created it before.

    existing  nothing was created: it holds the key that the start named, and has not ended.
    warnings  of the inputs that were given, what is likely a mistake.
    """

    execution_id: str
    status: ExecutionStatus
    replayed: bool
    existing: bool = False
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """A schedule after a change, with its workflow; `already` when there was nothing to change."""

    record: ScheduleRecord
    workflow: WorkflowRecord
    already: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Backfilled:
    """A backfill that has begun, or the preview of one, which has no id.

    slots  for which executions are started, Unix epoch ms.
    """

    record: ScheduleRecord
    backfill_id: str | None
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VerbResult:
    """An execution after a verb; `already` when the verb was applied before, or changes nothing.

    warnings  as in Submitted, of a verb that takes inputs.
    """

    execution_id: str
    status: ExecutionStatus
    already: bool
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Rerun:
    """A retry in place, or the preview of one.

    generation  the life the execution is in now: before a retry, or in it.
    nodes       what runs again, in definition order; None when that generation had been retried before.
    """

    execution_id: str
    status: ExecutionStatus
    generation: int
    nodes: tuple[str, ...] | None
    already: bool = False


@dataclass(frozen=True, slots=True)
class Forked:
    """A fork, or the preview of one, which has neither id nor status. Each node is in one of the lists.

    nodes    to be run.
    reused   ended in the source; outputs are copied.
    skipped  skipped at once, because of what is reused.
    warnings  as in Submitted.
    """

    forked_from: str
    nodes: tuple[str, ...]
    reused: tuple[str, ...]
    skipped: tuple[str, ...]
    execution_id: str | None = None
    status: ExecutionStatus | None = None
    replayed: bool = False
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """A definition in numbers; depth counts the nodes of its longest chain."""

    name: str
    version: str
    nodes: int
    edges: int
    depth: int


@dataclass(frozen=True, slots=True)
class Validation:
    """The problems of a document; of one without problems its warnings, with a summary."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    summary: Summary | None


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node: its definition, its state, its output as stored, and the counts of its items if mapped.

    output        None where there is none, and where it is too large for a view.
    output_bytes  its size; 0 where there is none.
    """

    node: Node
    state: NodeState
    output: bytes | None
    counts: MapCounts | None
    output_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ExecutionFailure:
    """Why an execution has ended without a result.

    node_id  of the node that failed it first; None where it was no node.
    type     an ErrorType, or a handler's own word.
    tries    of that node.
    details  what its handler says besides.
    """

    node_id: str | None
    type: str
    message: str
    tries: int = 1
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One execution with all its nodes, in definition order.

    outputs       outputs as stored, by node id, but for those too large for a view.
    sizes         the bytes of every node's output, by node id.
    counts        how far the mapped nodes are, by node id.
    is_quiesced   it is PAUSED, and nothing of it runs any more.
    output        what the `output` of its definition came to, JSON; None before that, without one, and
                  where it is too large for a view.
    output_bytes  its size.
    output_error  why it came to nothing.
    trigger       the document it was started with, JSON; None before that.
    seq           number of the last event that all of this certainly contains.
    expires_ms    when it is purged by itself; None before its end, and for what is kept.
    """

    execution: Execution
    definition: Definition
    nodes: list[NodeState]
    outputs: Mapping[str, bytes | None]
    counts: Mapping[str, MapCounts]
    is_quiesced: bool
    output: bytes | None = None
    output_error: dict[str, Any] | None = None
    output_bytes: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    trigger: bytes | None = None
    expires_ms: int | None = None
    seq: int = 0

    @property
    def has_begun(self) -> bool:
        """Whether a worker has taken any of its nodes."""
        return any(state.started_ms is not None for state in self.nodes)

    @property
    def failure(self) -> ExecutionFailure | None:
        """Why it FAILED or was CANCELLED; None in every other status.

        Its time limit, else the first critical node whose failure nothing handled, else its output.
        """
        execution, nodes = self.execution, self.definition.by_id
        if execution.status not in (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED):
            return None
        otherwise = execution.reason or str(execution.status).lower()
        if execution.status is ExecutionStatus.CANCELLED:
            return ExecutionFailure(None, ErrorType.CANCELLED, otherwise)
        decisive = [state for state in self.nodes if fails_execution(nodes[state.node_id], state)]
        first = min(decisive, key=lambda state: state.ended_ms or 0, default=None)
        if execution.error is not None or first is None:
            return _failure(execution.error or self.output_error or {}, otherwise)
        return _failure(first.error or {}, otherwise, first)

    @property
    def node_views(self) -> list[NodeView]:
        """Every node with its definition, output and counts, in definition order."""
        return [
            NodeView(
                self.definition.node(state.node_id),
                state,
                self.outputs.get(state.node_id),
                self.counts.get(state.node_id),
                self.sizes.get(state.node_id, 0),
            )
            for state in self.nodes
        ]


def _failure(error: Mapping[str, Any], otherwise: str, node: NodeState | None = None) -> ExecutionFailure:
    type, message = error.get("type") or ErrorType.HANDLER_ERROR, error.get("message") or otherwise
    node_id, tries = (None, 1) if node is None else (node.node_id, max(node.tries, 1))
    details = found if isinstance(found := error.get("details"), dict) else {}
    return ExecutionFailure(node_id, str(type), str(message), tries, details)


@dataclass(frozen=True, slots=True)
class NodeResult:
    """A node after a manual override. attempt: its number now; fencing a running attempt increments it."""

    execution_id: str
    node_id: str
    status: NodeStatus
    attempt: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Signalled:
    """A signal that was taken. nodes: how many waited for it; 0: it is kept for one that waits later."""

    execution_id: str
    status: ExecutionStatus
    nodes: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was recorded. output: the node's, JSON; None while more approvals are needed."""

    execution_id: str
    node_id: str
    output: bytes | None
    given: int
    quorum: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new API key. text is the key itself: shown once, and kept nowhere."""

    key: ApiKey
    text: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list. The cursor leads to the next part; None at the end."""

    items: list[Any]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Outputs of some nodes, as stored; None for a node without one. The cursor is as in Page."""

    outputs: Mapping[str, bytes | None]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests can be served, with the findings that say why."""

    ok: bool
    checks: list[Check]


#: What became of a workflow by a registration.
Outcome = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class WorkflowChange:
    """A workflow of the registry after a change.

    replayed    the same request had made it before.
    definition  as it was sent, where it was; it may not have been registered, only asked about.
    """

    record: WorkflowRecord
    outcome: Outcome
    replayed: bool = False
    definition: Definition | None = None


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version of a workflow with its definition, JSON."""

    version: WorkflowVersion
    definition: bytes
