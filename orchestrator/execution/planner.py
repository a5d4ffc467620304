"""What should happen next to one execution, computed from its statuses alone.

The scripts count incrementally; the plan counts from scratch. It is the specification of dispatch, decides
what is repaired, and is the oracle of the property tests. Without faults the plan is empty between
transitions.
"""

# long: the whole specification of what should happen next

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.definitions.definition import OUTPUT, Node
from orchestrator.definitions.trigger_rules import RUN
from orchestrator.execution.counters import (
    Counters,
    count_failed,
    decide_node,
    is_handled,
    snapshot_counters,
    stored_counters,
)
from orchestrator.execution.model import MapState, NodeState, Snapshot
from orchestrator.states import (
    ANSWERED,
    Cancelling,
    ExecutionStatus,
    NodeStatus,
    Reason,
    WaitingOn,
    end_of,
)

# Decisions


@dataclass(frozen=True, slots=True)
class Recount:
    """Correct the counters of a PENDING node."""

    node_id: str
    ok: int
    bad: int
    skip: int
    gates_done: int
    not_taken: bool


@dataclass(frozen=True, slots=True)
class RecountLeft:
    """Correct the execution's counts: nodes not terminal, critical nodes FAILED."""

    left: int
    failed: int


@dataclass(frozen=True, slots=True)
class Drain:
    """Drain the saved worklist; its continue timer is missing."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Skip a PENDING node."""

    node_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a node that has not started, or waits, while its execution is cancelling."""

    node_id: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Queue a PENDING node that is ready."""

    node_id: str


@dataclass(frozen=True, slots=True)
class Requeue:
    """Write the task of a QUEUED node again; its message is gone."""

    node_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Relet:
    """Give a RUNNING node a lease that can expire; it has none."""

    node_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Retime:
    """Set the timer of a WAITING node again; it has none."""

    node_id: str
    attempt: int
    kind: WaitingOn
    due_ms: int


@dataclass(frozen=True, slots=True)
class Relist:
    """List a node that waits for a signal or approval again; no answer would find it.

    A node that has lost what it waits for runs again.
    """

    node_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Rewake:
    """Make a unit look at its child again: it has ended without telling, or is not there."""

    node_id: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Queue a parked unit that has letters; the one that came did not wake it."""

    unit: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Put a unit of a paused execution on the list that a resume goes through."""

    unit: str


@dataclass(frozen=True, slots=True)
class Release:
    """Go on with a unit that was held; a resume has lost it."""

    unit: str


@dataclass(frozen=True, slots=True)
class Finish:
    """End the execution."""

    status: ExecutionStatus


@dataclass(frozen=True, slots=True)
class Remap:
    """Correct the counts of a mapped node, and start or end what they say ought to be."""

    node_id: str
    live: int
    completed: int
    failed: int
    skipped: int


Decision = (
    Recount | RecountLeft | Drain | Skip | Cancel | Queue | Requeue | Relet | Retime | Relist | Remap | Rewake
    | Deliver | Hold | Release | Finish
)  # fmt: skip


# The plan


def plan(snapshot: Snapshot) -> list[Decision]:
    """Say what should happen next to one execution. Pure; equal snapshots give equal plans; linear time.

    Order: counters, drain, skips, cancels, dispatches and repairs, each in definition order. Finish comes
    only when every node is terminal, preceded at most by RecountLeft. One step at a time: what follows from a
    skip is in the plan after it.
    """
    execution = snapshot.execution
    if execution.status.is_terminal:
        return []
    if execution.status == ExecutionStatus.PENDING and execution.cancelling is None:
        return []
    # A worklist entry has changed its node but not yet its successors: their counters are behind, not wrong.
    if snapshot.worklist:
        drain: list[Decision] = [] if snapshot.has_continue_timer else [Drain()]
        return drain + _repairs(snapshot)
    decisions: list[Decision] = list(_recount_left(snapshot))
    if all(state.status.is_terminal for state in snapshot.nodes.values()):
        statuses = {node_id: state.status for node_id, state in snapshot.nodes.items()}
        final = snapshot.output
        if final is not None and not final.status.is_terminal:
            is_cancelled = execution.cancelling is not None and final.status != NodeStatus.RUNNING
            cancels: list[Decision] = [Cancel(final.node_id)] if is_cancelled else []
            return decisions + cancels + _repairs(snapshot)
        critical = {
            node.id
            for node in snapshot.definition.nodes
            if node.critical and not is_handled(node, snapshot.nodes[node.id])
        }
        if final is not None:
            statuses[final.node_id] = final.status
            critical.add(final.node_id)
        return [*decisions, Finish(final_status(statuses, critical, execution.cancelling))]
    if execution.cancelling is not None:
        return decisions + _cancels(snapshot) + _repairs(snapshot)
    return decisions + _dispatches(snapshot) + _repairs(snapshot)


def final_status(
    statuses: Mapping[str, NodeStatus], critical: Collection[str], cancelling: Cancelling | None
) -> ExecutionStatus:
    """Name the status in which an execution ends whose nodes are all terminal; see `count_failed`."""
    failed = sum(statuses[node_id] in (NodeStatus.FAILED, NodeStatus.CANCELLED) for node_id in critical)
    return end_of(cancelling, failed).status


def _recount_left(snapshot: Snapshot) -> list[RecountLeft]:
    final = [] if snapshot.output is None else [snapshot.output]
    left = sum(not state.status.is_terminal for state in [*snapshot.nodes.values(), *final])
    failed = count_failed(snapshot) + sum(state.status == NodeStatus.FAILED for state in final)
    execution = snapshot.execution
    # Once it is being cancelled, what has failed decides nothing any more.
    is_counted = execution.failed == failed or execution.cancelling is not None
    return [] if execution.left == left and is_counted else [RecountLeft(left, failed)]


def _dispatches(snapshot: Snapshot) -> list[Decision]:
    recounts: list[Decision] = []
    skips: list[Decision] = []
    queues: list[Decision] = []
    counters = snapshot_counters(snapshot)
    gates = snapshot.definition.gates
    status = snapshot.execution.status
    for node in snapshot.definition.nodes:
        state = snapshot.nodes[node.id]
        # Once a node has left PENDING its counters decide nothing any more.
        # Nor do those of one that is held: its turn has come, and it goes on without another look.
        if state.status != NodeStatus.PENDING or node.id in snapshot.held:
            continue
        expected = counters[node.id]
        if stored_counters(state) != expected:
            recounts.append(_recount(node.id, expected))
        verdict = decide_node(
            node.trigger_rule, expected, total=len(node.dependencies), gates=gates.get(node.id, 0)
        )
        if isinstance(verdict, Reason):
            skips.append(Skip(node.id, verdict))
        elif verdict is RUN and status is ExecutionStatus.RUNNING:
            queues.append(Queue(node.id))
        elif verdict is RUN and status is ExecutionStatus.PAUSED:
            queues.append(Hold(node.id))
    return recounts + skips + queues


def _recount(node_id: str, counters: Counters) -> Recount:
    return Recount(node_id, counters.ok, counters.bad, counters.skip, counters.gates_done, counters.not_taken)


def _cancels(snapshot: Snapshot) -> list[Decision]:
    # Running nodes are left alone: they may still record their result until the grace period ends.
    # So is a node whose child is being cancelled, and a mapped one whose items do nothing else.
    return [
        Cancel(node.id)
        for node in snapshot.definition.nodes
        if snapshot.nodes[node.id].status in (NodeStatus.PENDING, NodeStatus.QUEUED, NodeStatus.WAITING)
        and not _is_ending(snapshot, node)
    ]


def _is_ending(snapshot: Snapshot, node: Node) -> bool:
    map_state = snapshot.maps.get(node.id)
    if map_state is None:
        return _has_closing_child(snapshot, node, node.id)
    return (
        map_state.counts.is_halted
        and bool(map_state.live)
        and all(
            state.status == NodeStatus.RUNNING or _has_closing_child(snapshot, node, unit)
            for unit, state in map_state.live.items()
        )
    )


def _has_closing_child(snapshot: Snapshot, node: Node, unit: str) -> bool:
    child = snapshot.children.get(unit)
    waits_for_it = node.sub_workflow is not None and node.sub_workflow.policy == "request_cancel"
    return child is not None and waits_for_it and child.is_cancelling and not child.has_ended


# Repairs of what is lost


def _repairs(snapshot: Snapshot) -> list[Decision]:
    """Find nodes that nothing would wake: a task, lease or timer is missing."""
    cancelling = snapshot.execution.cancelling is not None
    decisions: list[Decision] = []
    if snapshot.output is not None:
        decisions += _unit_repairs(snapshot, snapshot.output, cancelling)
    for node in snapshot.definition.nodes:
        map_state = snapshot.maps.get(node.id)
        if map_state is None:
            decisions += _unit_repairs(snapshot, snapshot.nodes[node.id], cancelling)
            continue
        for state in map_state.live.values():
            decisions += _unit_repairs(snapshot, state, cancelling)
        if not snapshot.worklist and cancelling:
            decisions += recount_map(node, map_state, is_cancelling=True)
        elif not snapshot.worklist:
            decisions += _map_repairs(snapshot, node, map_state)
    return decisions


def _map_repairs(snapshot: Snapshot, node: Node, map_state: MapState) -> Sequence[Remap | Hold]:
    if snapshot.execution.status is not ExecutionStatus.PAUSED:
        return recount_map(node, map_state)
    found = recount_map(node, map_state, may_start=False)
    # Nothing more is started: where something would be, the node itself is held.
    if found or node.id in snapshot.held or not recount_map(node, map_state):
        return found
    return [Hold(node.id)]


def _unit_repairs(snapshot: Snapshot, state: NodeState, cancelling: bool) -> list[Decision]:
    unit = state.node_id
    if state.status == NodeStatus.RUNNING:
        if (unit, state.attempt) not in snapshot.leases:
            return [Relet(unit, state.attempt)]
    elif cancelling:
        return []
    elif state.status == NodeStatus.QUEUED and unit not in snapshot.live_messages:
        return [Requeue(unit, state.attempt)]
    elif state.status == NodeStatus.WAITING and unit in snapshot.children:
        return [Rewake(unit)] if snapshot.children[unit].has_ended or state.waiting_on is None else []
    elif state.status == NodeStatus.PENDING and ("[" in unit or unit == OUTPUT):
        # An item that has begun is PENDING only while it is held; and so is the last unit.
        return _held_repairs(snapshot, unit)
    elif state.status == NodeStatus.WAITING and state.waiting_on is WaitingOn.OPERATOR:
        return _held_repairs(snapshot, unit)
    elif state.status == NodeStatus.WAITING:
        return _wait_repairs(snapshot, state)
    return []


def _held_repairs(snapshot: Snapshot, unit: str) -> list[Decision]:
    """Find what only a resume would move on."""
    if snapshot.worklist:
        return []
    if snapshot.execution.status is ExecutionStatus.PAUSED:
        return [] if unit in snapshot.held else [Hold(unit)]
    return [Release(unit)]


def _wait_repairs(snapshot: Snapshot, state: NodeState) -> list[Decision]:
    unit = state.node_id
    # One that does not say what it waits for is taken for a held one: it is queued again when due.
    kind = state.waiting_on or WaitingOn.HOLD
    found: list[Decision] = []
    if kind in ANSWERED:
        wait = snapshot.waits.get(unit)
        if wait is not None and (wait.awaits is None or not wait.is_listed):
            found.append(Relist(unit, state.attempt))
        if state.due_ms is None:
            return found
    if kind is WaitingOn.INBOX:
        parked = snapshot.inboxes.get(unit)
        if parked is not None and parked.letters and unit not in snapshot.held:
            return [Deliver(unit)]
        if state.due_ms is None:
            return found
    if (kind, unit, state.attempt) in snapshot.timers or unit in snapshot.held:
        return found
    if snapshot.worklist and state.held is not None:
        # A worklist entry is about to set the timer again.
        return found
    due_ms = snapshot.now_ms if state.due_ms is None else state.due_ms
    is_paused = snapshot.execution.status is ExecutionStatus.PAUSED
    if is_paused and state.waiting_on is not None and due_ms <= snapshot.now_ms:
        return [*found, Hold(unit)]
    return [*found, Retime(unit, state.attempt, kind, due_ms)]


def recount_map(
    node: Node, map_state: MapState, *, may_start: bool = True, is_cancelling: bool = False
) -> list[Remap]:
    """Recount the items of a waiting node; also where nothing would start the next one or end the wait,
    and where the node does not say that it waits for them.

    may_start      False while the execution is paused: that nothing starts the next one is no fault then.
    is_cancelling  nothing is to be started, and what ends the wait is the planner's to find.
    """
    counts = map_state.counts
    begun = map_state.statuses[: counts.started]
    kept = map_state.statuses[counts.started :]
    live = len(map_state.live)
    completed, skipped = (
        sum(status == wanted for status in map_state.statuses)
        for wanted in (NodeStatus.COMPLETED, NodeStatus.SKIPPED)
    )
    # Beyond the next one to be started, what failed did so in an earlier generation.
    failed = sum(status == NodeStatus.FAILED for status in begun)
    most = node.map.live if node.map else 0
    is_stuck = live == 0 if counts.is_halted or not kept else may_start and live < most
    found = (live, completed, failed, skipped)
    is_counted = found == (counts.live, counts.completed, counts.failed, counts.skipped)
    if map_state.is_named and is_counted and (is_cancelling or not is_stuck):
        return []
    return [Remap(node.id, *found)]
