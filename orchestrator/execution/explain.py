"""Explains what nodes wait for, and what will wake them.

The reason is never empty. Where nothing would wake a node, `details["repair"]` is true, and the sweep
repairs it by the plan made from the same snapshot.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.definitions.definition import OUTPUT, Node
from orchestrator.definitions.trigger_rules import RUN
from orchestrator.execution.counters import Counters, decide_node, snapshot_counters
from orchestrator.execution.explain_below import explain_child, explain_items, explain_unstarted
from orchestrator.execution.explain_ended import explain_end, explain_ended
from orchestrator.execution.explain_held import explain_held, explain_pause
from orchestrator.execution.explain_queued import explain_queued
from orchestrator.execution.explanation import (
    NAMES_SHOWN,
    SWEEP,
    Explanation,
    clock,
    error_words,
    names_of,
    try_words,
    waits_for,
)
from orchestrator.execution.inventory import WORKER_ALIVE_MS, WorkerInfo
from orchestrator.execution.letters import InboxState
from orchestrator.execution.model import NodeState, Snapshot, WaitState
from orchestrator.states import ANSWERED, ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.units import node_of

#: What drains a saved worklist.
_NEXT_PASS = "the next worklist pass (continue timer)"


@dataclass(frozen=True, slots=True)
class _View:
    """A snapshot with what the sentences need beside it."""

    snapshot: Snapshot
    workers: tuple[WorkerInfo, ...]
    queue_positions: Mapping[str, int]
    counters: Mapping[str, Counters]
    names_workers: bool
    heard_ms: int | None


def explain(
    snapshot: Snapshot,
    workers: Sequence[WorkerInfo],
    queue_positions: Mapping[str, int],
    *,
    names_workers: bool = True,
    heard_ms: int | None = None,
) -> list[Explanation]:
    """Explain every non-terminal node in definition order; the execution itself when there is none, and
    before its nodes when it is paused.

    queue_positions  {node_id: tasks ahead of it in its queue}, for QUEUED nodes whose place is known.
    names_workers    workers, and what keeps them busy, are named; otherwise they are counted.
    heard_ms         when any worker that has not left was heard from last, Redis ms.
    """
    open_nodes = [
        node for node in snapshot.definition.nodes if not snapshot.nodes[node.id].status.is_terminal
    ]
    last, final = snapshot.definition.output_node, snapshot.output
    if last is not None and final is not None and not final.status.is_terminal:
        # It is explained like any other node.
        snapshot = replace(snapshot, nodes={**snapshot.nodes, last.id: final})
        open_nodes.append(last)
    if snapshot.execution.status.is_terminal or not open_nodes:
        return [explain_end(snapshot, next_pass=_NEXT_PASS)]
    view = _view(snapshot, workers, queue_positions, names_workers, heard_ms)
    execution = snapshot.execution
    is_paused = execution.status is ExecutionStatus.PAUSED and execution.cancelling is None
    paused = [explain_pause(snapshot)] if is_paused else []
    return paused + [_explain_node(view, node) for node in open_nodes]


def explain_unit(
    snapshot: Snapshot,
    state: NodeState,
    workers: Sequence[WorkerInfo],
    queue_positions: Mapping[str, int],
    *,
    names_workers: bool = True,
    heard_ms: int | None = None,
) -> Explanation:
    """Explain one node, or one item of a mapped node, also where it has ended: why.

    state  of the node or the item; the rest is as in `explain`.
    """
    node = snapshot.definition.node(node_of(state.node_id))
    if state.status.is_terminal:
        return explain_ended(snapshot, node, state)
    if state.node_id != node.id:
        if state.status is NodeStatus.PENDING and state.node_id not in snapshot.held:
            return explain_unstarted(snapshot, node, state)
        # It has the life of a node that depends on nothing.
        node = replace(node, id=state.node_id, dependencies=(), map=None)
        snapshot = replace(snapshot, nodes={**snapshot.nodes, state.node_id: state})
    return _explain_node(_view(snapshot, workers, queue_positions, names_workers, heard_ms), node)


def _view(
    snapshot: Snapshot,
    workers: Sequence[WorkerInfo],
    queue_positions: Mapping[str, int],
    names_workers: bool,
    heard_ms: int | None,
) -> _View:
    oldest_ms = snapshot.now_ms - WORKER_ALIVE_MS
    live = tuple(worker for worker in workers if not snapshot.now_ms or worker.beat_ms >= oldest_ms)
    return _View(snapshot, live, queue_positions, snapshot_counters(snapshot), names_workers, heard_ms)


def _explain_node(view: _View, node: Node) -> Explanation:
    state = view.snapshot.nodes[node.id]
    execution = view.snapshot.execution
    child = view.snapshot.children.get(node.id)
    if child is not None and child.is_cancelling and not child.has_ended:
        return explain_child(child, state)
    if execution.cancelling is not None and state.status != NodeStatus.RUNNING:
        return waits_for(
            state,
            f"its cancellation: the execution is ending (cause: {execution.cancelling})",
            "the cancel under way, or else the sweep",
            cause=str(execution.cancelling),
        )
    if execution.status == ExecutionStatus.PENDING:
        return waits_for(
            state,
            "the start of the execution, which has not been triggered",
            "a trigger of the execution",
            actions=["trigger"],
        )
    if node.id == OUTPUT and state.status == NodeStatus.PENDING:
        return explain_held(view.snapshot, state) or _explain_due(view, state, "queued")
    explanation = explain_held(view.snapshot, state) or _BY_STATUS[state.status](view, node, state)
    if state.close_ms is None or state.waiting_on is WaitingOn.OPERATOR:
        return explanation
    # It bounds the whole of a node's life, whatever the node waits for just now.
    until_ms = state.close_ms if explanation.until_ms is None else min(explanation.until_ms, state.close_ms)
    wakes = f"{explanation.wakes}; its schedule_to_close_timeout at {clock(state.close_ms)}"
    return replace(explanation, until_ms=until_ms, wakes=wakes)


def _explain_pending(view: _View, node: Node, state: NodeState) -> Explanation:
    counters = view.counters[node.id]
    total, gates = len(node.dependencies), view.snapshot.definition.gates.get(node.id, 0)
    verdict = decide_node(node.trigger_rule, counters, total=total, gates=gates)
    if verdict is RUN or isinstance(verdict, Reason):
        return _explain_due(view, state, "queued" if verdict is RUN else f"skipped ({verdict})")
    unfinished = [d for d in node.dependencies if not view.snapshot.nodes[d].status.is_terminal]
    if not unfinished:
        ended = names_of(view.snapshot.nodes, node.dependencies)
        return waits_for(
            state, f"a decision that no rule gives: its dependencies are {ended}", SWEEP, repair=True
        )
    if gates and counters.gates_done < gates:
        branches = view.snapshot.definition.node
        unfinished = [d for d in unfinished if node.id in branches(d).branches]
        what = f"{names_of(view.snapshot.nodes, unfinished)} to say whether this branch is taken"
    else:
        done = total - len(unfinished)
        what = f"{names_of(view.snapshot.nodes, unfinished)} ({done} of {total} dependencies done)"
    return waits_for(
        state,
        f"{what}; trigger rule {node.trigger_rule}",
        f"the end of {names_of(view.snapshot.nodes, unfinished, with_status=False)}",
        dependencies={d: str(view.snapshot.nodes[d].status) for d in unfinished},
        trigger_rule=str(node.trigger_rule),
    )


def _explain_due(view: _View, state: NodeState, what: str) -> Explanation:
    if view.snapshot.worklist:
        length = len(view.snapshot.worklist)
        entries = "1 entry" if length == 1 else f"{length} entries"
        return waits_for(
            state,
            f"the worklist ({entries}): its dependencies are done and it will be {what}",
            _NEXT_PASS,
            worklist=length,
        )
    return waits_for(
        state,
        f"nothing it should wait for: its dependencies are done and it should be {what}",
        SWEEP,
        repair=True,
    )


def _explain_queued(view: _View, node: Node, state: NodeState) -> Explanation:
    return explain_queued(
        view.snapshot,
        view.workers,
        node,
        state,
        ahead=view.queue_positions.get(node.id),
        names_workers=view.names_workers,
        heard_ms=view.heard_ms,
    )


def _explain_running(view: _View, node: Node, state: NodeState) -> Explanation:
    until_ms = None
    if node.start_to_close_ms is not None and state.started_ms is not None:
        until_ms = state.started_ms + node.start_to_close_ms
    name = state.worker if view.names_workers else None
    who = f"worker {name}" if name else "its worker"
    if (node.id, state.attempt) not in view.snapshot.leases:
        return waits_for(state, f"{who}, which holds no lease on attempt {state.attempt}", SWEEP, repair=True)
    since = f" since {clock(state.started_ms)}" if state.started_ms is not None else ""
    what = f"handler '{node.handler}', running on {who}{since}, {try_words(node, state)}"
    wakes = "the handler's outcome, its time limit, or the loss of its lease"
    details = {"worker": name, "attempt": state.attempt, "tries": state.tries}
    if (cause := view.snapshot.execution.cancelling) is not None:
        what += f"; it is being cancelled: it was asked to stop (cause: {cause})"
        details["cause"] = str(cause)
        if (grace_ms := view.snapshot.grace_ms) is not None:
            wakes = f"the handler's outcome, or the end of its grace at {clock(grace_ms)}"
            until_ms = grace_ms if until_ms is None else min(until_ms, grace_ms)
    return waits_for(state, what, wakes, until_ms, **details)


def _explain_waiting(view: _View, node: Node, state: NodeState) -> Explanation:
    kind = state.waiting_on
    if kind in ANSWERED and node.id in view.snapshot.waits:
        return _explain_answered(view, node, state, view.snapshot.waits[node.id])
    if (child := view.snapshot.children.get(node.id)) is not None:
        return explain_child(child, state)
    if kind is WaitingOn.INBOX:
        return _explain_parked(view, state)
    if node.id in view.snapshot.maps:
        return explain_items(view.snapshot, node, state)
    if kind is None or (kind, node.id, state.attempt) not in view.snapshot.timers:
        waits = f"its timer ({kind})" if kind else "something it does not name"
        return waits_for(state, f"{waits}, which is missing", SWEEP, state.due_ms, repair=True)
    at = f"at {clock(state.due_ms)}" if state.due_ms is not None else "when its timer fires"
    sentences = {
        WaitingOn.BACK_OFF: f"its next try {at}, {try_words(node, state)} failed{error_words(state)}",
        WaitingOn.DELAY: f"the end of its delay {at}",
        WaitingOn.WORKER: f"a worker with handler '{node.handler}' on queue '{node.queue}'; asked again {at}",
        WaitingOn.HOLD: f"the end of a hold {at}: its worker was lost {state.crashes} times",
    }
    wakes = "its timer"
    if kind == WaitingOn.WORKER:
        wakes = f"its timer, once a worker offers handler '{node.handler}'"
    return waits_for(
        state,
        sentences[kind],
        wakes,
        state.due_ms,
        waiting_on=str(kind),
        tries=state.tries,
        crashes=state.crashes,
        error=state.error,
    )


def _explain_answered(view: _View, node: Node, state: NodeState, wait: WaitState) -> Explanation:
    """Explain a wait for a signal or approval: who answers, and how."""
    details = {"waiting_on": str(state.waiting_on)}
    until = "" if state.due_ms is None else f" until {clock(state.due_ms)}"
    if wait.awaits is None or not wait.is_listed:
        return waits_for(
            state, f"an answer{until} that would not find it", SWEEP, state.due_ms, repair=True, **details
        )
    if state.due_ms is not None and (state.waiting_on, node.id, state.attempt) not in view.snapshot.timers:
        text = f"an answer{until}, and the timer of its time limit is missing"
        return waits_for(state, text, SWEEP, state.due_ms, repair=True, **details)
    or_timer = ", or its time limit" if until else ""
    if state.waiting_on == WaitingOn.SIGNAL:
        return waits_for(
            state,
            f"signal '{wait.awaits}'{until}",
            f"signal '{wait.awaits}', sent to the execution{or_timer}",
            state.due_ms,
            signal=wait.awaits,
            actions=["signal"],
            **details,
        )
    people = "anyone"
    if wait.assignees is not None:
        more = len(wait.assignees) - NAMES_SHOWN
        people = ", ".join(wait.assignees[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    share = f" ({wait.given} of {wait.quorum} given)" if wait.quorum > 1 else ""
    return waits_for(
        state,
        f"approval by {people}{share}{until}",
        f"an answer to the approval{or_timer}",
        state.due_ms,
        actions=["decide"],
        assignees=wait.assignees,
        quorum=wait.quorum,
        approvals=wait.given,
        **details,
    )


def _explain_parked(view: _View, state: NodeState) -> Explanation:
    """Explain a durable handler that has parked: what it says it waits for, and until when."""
    inbox = view.snapshot.inboxes.get(state.node_id, InboxState())
    until = "" if state.due_ms is None else f" until {clock(state.due_ms)}"
    what = ", ".join(repr(each) for each in inbox.waits_for[:NAMES_SHOWN])
    more = len(inbox.waits_for) - NAMES_SHOWN
    named = f" (for {what}{f' and {more} more' if more > 0 else ''})" if what else ""
    details = {"waiting_on": str(WaitingOn.INBOX), "waits_for": list(inbox.waits_for)}
    if inbox.letters:
        text = f"nothing it should wait for: {inbox.letters} letters are in its inbox"
        return waits_for(state, text, SWEEP, state.due_ms, repair=True, **details)
    if (
        state.due_ms is not None
        and (WaitingOn.INBOX, state.node_id, state.attempt) not in view.snapshot.timers
    ):
        text = f"a letter{named}{until}, and its timer is missing"
        return waits_for(state, text, SWEEP, state.due_ms, repair=True, **details)
    wakes = "a letter to its inbox" + (", or its timer" if until else "")
    return waits_for(state, f"a letter{named}{until}", wakes, state.due_ms, actions=["post"], **details)


_BY_STATUS: dict[NodeStatus, Callable[[_View, Node, NodeState], Explanation]] = {
    NodeStatus.PENDING: _explain_pending,
    NodeStatus.QUEUED: _explain_queued,
    NodeStatus.RUNNING: _explain_running,
    NodeStatus.WAITING: _explain_waiting,
}
