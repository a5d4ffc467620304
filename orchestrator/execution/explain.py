"""Explains what every unfinished node waits for, and what will wake it.

The reason is never empty. Where nothing would wake a node, `details["repair"]` is true, and the sweep
repairs it by the plan made from the same snapshot.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.definitions.definition import OUTPUT, Node
from orchestrator.definitions.trigger_rules import RUN
from orchestrator.execution.counters import Counters, decide_node, snapshot_counters
from orchestrator.execution.explain_held import explain_held, explain_pause
from orchestrator.execution.explain_queued import NAMES_SHOWN, explain_queued
from orchestrator.execution.explanation import SWEEP, Explanation, clock, error_words, waits_for
from orchestrator.execution.inventory import WORKER_ALIVE_MS, WorkerInfo
from orchestrator.execution.model import ChildState, NodeState, Snapshot, WaitState
from orchestrator.execution.planner import recount_map
from orchestrator.states import ANSWERED, ExecutionStatus, NodeStatus, Reason, WaitingOn

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


def explain(
    snapshot: Snapshot,
    workers: Sequence[WorkerInfo],
    queue_positions: Mapping[str, int],
    *,
    names_workers: bool = True,
) -> list[Explanation]:
    """Explain every non-terminal node in definition order; the execution itself when there is none, and
    before its nodes when it is paused.

    queue_positions  {node_id: tasks ahead of it in its queue}, for QUEUED nodes whose place is known.
    names_workers    workers, and what keeps them busy, are named; otherwise they are counted.
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
        return [_explain_execution(snapshot)]
    oldest_ms = snapshot.now_ms - WORKER_ALIVE_MS
    live = tuple(worker for worker in workers if not snapshot.now_ms or worker.beat_ms >= oldest_ms)
    view = _View(snapshot, live, queue_positions, snapshot_counters(snapshot), names_workers)
    execution = snapshot.execution
    is_paused = execution.status is ExecutionStatus.PAUSED and execution.cancelling is None
    paused = [explain_pause(snapshot)] if is_paused else []
    return paused + [_explain_node(view, node) for node in open_nodes]


def _explain_execution(snapshot: Snapshot) -> Explanation:
    status = snapshot.execution.status
    if status.is_terminal:
        what = f"nothing: the execution is {status}"
        return Explanation(None, status, what, None, "nothing; this status is final")
    done = f"its end: all {len(snapshot.nodes)} nodes are done"
    if snapshot.worklist:
        return Explanation(
            None, status, f"{done}, and decisions about them are still in the worklist", None, _NEXT_PASS
        )
    return Explanation(None, status, done, None, SWEEP, {"repair": True})


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
            f"POST /workflow/trigger/{execution.execution_id}",
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
        ended = _names(view, node.dependencies)
        return waits_for(
            state, f"a decision that no rule gives: its dependencies are {ended}", SWEEP, repair=True
        )
    if gates and counters.gates_done < gates:
        branches = view.snapshot.definition.node
        unfinished = [d for d in unfinished if node.id in branches(d).branches]
        what = f"{_names(view, unfinished)} to say whether this branch is taken"
    else:
        what = f"{_names(view, unfinished)} ({total - len(unfinished)} of {total} dependencies done)"
    return waits_for(
        state,
        f"{what}; trigger rule {node.trigger_rule}",
        f"the end of {_names(view, unfinished, with_status=False)}",
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
    cancelling = view.snapshot.execution.cancelling
    ending = f"; it was asked to stop (cause: {cancelling})" if cancelling is not None else ""
    return waits_for(
        state,
        f"handler '{node.handler}', running on {who}{since}, {_try(node, state)}{ending}",
        "the handler's outcome, its time limit, or the loss of its lease",
        until_ms,
        worker=name,
        attempt=state.attempt,
        tries=state.tries,
    )


def _explain_waiting(view: _View, node: Node, state: NodeState) -> Explanation:
    kind = state.waiting_on
    if kind in ANSWERED and node.id in view.snapshot.waits:
        return _explain_answered(view, node, state, view.snapshot.waits[node.id])
    if (child := view.snapshot.children.get(node.id)) is not None:
        return explain_child(child, state)
    if node.id in view.snapshot.maps:
        return _explain_items(view, node, state)
    if kind is None or (kind, node.id, state.attempt) not in view.snapshot.timers:
        waits = f"its timer ({kind})" if kind else "something it does not name"
        return waits_for(state, f"{waits}, which is missing", SWEEP, state.due_ms, repair=True)
    at = f"at {clock(state.due_ms)}" if state.due_ms is not None else "when its timer fires"
    sentences = {
        WaitingOn.BACK_OFF: f"its next try {at}, {_try(node, state)} failed{error_words(state)}",
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
    """Explain a wait for a signal or approval: who answers, and by which request."""
    execution_id, details = view.snapshot.execution.execution_id, {"waiting_on": str(state.waiting_on)}
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
        wakes = f"POST /v1/executions/{execution_id}/signals/{wait.awaits}{or_timer}"
        return waits_for(
            state, f"signal '{wait.awaits}'{until}", wakes, state.due_ms, signal=wait.awaits, **details
        )
    people = "anybody"
    if wait.assignees is not None:
        more = len(wait.assignees) - NAMES_SHOWN
        people = ", ".join(wait.assignees[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    share = f" ({wait.given} of {wait.quorum} given)" if wait.quorum > 1 else ""
    wakes = f"POST /v1/executions/{execution_id}/approvals/{node.id}{or_timer}"
    return waits_for(
        state,
        f"approval by {people}{share}{until}",
        wakes,
        state.due_ms,
        assignees=wait.assignees,
        quorum=wait.quorum,
        approvals=wait.given,
        **details,
    )


def _explain_items(view: _View, node: Node, state: NodeState) -> Explanation:
    map_state = view.snapshot.maps[node.id]
    is_held = node.id in view.snapshot.held
    counts = map_state.counts
    done = counts.ended + (counts.left if counts.is_halted else 0)
    words = [item.status for item in map_state.live.values()]
    parts = [f"map: {done:,} of {counts.total:,} items done"]
    for status in (NodeStatus.RUNNING, NodeStatus.QUEUED, NodeStatus.WAITING):
        if status in words:
            parts.append(f"{words.count(status):,} {status.lower()}")
    if counts.failed:
        parts.append(f"{counts.failed:,} failed ({counts.tolerated:,} tolerated)")
    if held := words.count(NodeStatus.PENDING):
        parts.append(f"{held:,} held")
    # A saved worklist entry has changed its item, but not yet the counts.
    is_stuck = not view.snapshot.worklist and bool(recount_map(node, map_state, may_start=not is_held))
    return waits_for(
        state,
        f"its items ({', '.join(parts)})",
        SWEEP if is_stuck else f"{'a resume, and ' * is_held}the end of the last item",
        waiting_on=str(state.waiting_on),
        total=counts.total,
        done=done,
        failed=counts.failed,
        live=counts.live,
        **({"repair": True} if is_stuck else {}),
    )


_BY_STATUS: dict[NodeStatus, Callable[[_View, Node, NodeState], Explanation]] = {
    NodeStatus.PENDING: _explain_pending,
    NodeStatus.QUEUED: _explain_queued,
    NodeStatus.RUNNING: _explain_running,
    NodeStatus.WAITING: _explain_waiting,
}


def _names(view: _View, node_ids: Sequence[str], *, with_status: bool = True) -> str:
    shown = [
        f"{node_id} ({view.snapshot.nodes[node_id].status})" if with_status else node_id
        for node_id in node_ids[:NAMES_SHOWN]
    ]
    more = len(node_ids) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _try(node: Node, state: NodeState) -> str:
    allowed = node.policy.max_attempts
    return f"try {max(state.tries, 1)} of {allowed}"


def explain_child(child: ChildState, state: NodeState) -> Explanation:
    """Explain a wait for a child execution."""
    named = f"child execution {child.child_id}" + (f" ('{child.name}')" if child.name else "")
    details: dict[str, Any] = {
        "waiting_on": str(WaitingOn.CHILD),
        "child": child.child_id,
        "child_status": str(child.status) if child.status else None,
    }
    if child.has_ended or state.waiting_on is None:
        what = f"has ended {child.status}" if child.status else "is not there"
        what = what if child.has_ended else "would not wake it"
        return waits_for(state, f"its {named}, which {what}", SWEEP, repair=True, **details)
    ending = ", being cancelled" if child.is_cancelling else ""
    wakes = f"the end of execution {child.child_id}"
    return waits_for(state, f"the end of its {named}, which is {child.status}{ending}", wakes, **details)
