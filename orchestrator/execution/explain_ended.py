"""Explains why a node, or an item of a mapped node, ended as it did. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.definitions.definition import Node
from orchestrator.definitions.retry_decision import is_worth_another
from orchestrator.errors import ErrorType, NodeError
from orchestrator.execution.explanation import SWEEP, Explanation, clock, error_words, names_of, try_words
from orchestrator.execution.model import Execution, NodeState, Snapshot
from orchestrator.execution.rerun import rerun_set
from orchestrator.execution.root_causes import find_causes
from orchestrator.states import ExecutionStatus, NodeStatus, Reason

#: The sentence, and the same for programs.
_Why = tuple[str, dict[str, Any]]


def explain_ended(snapshot: Snapshot, node: Node, state: NodeState) -> Explanation:
    """Explain a node that has ended.

    node, state  of the node; of an item, the mapped node and the state of the item.
    """
    why, details = _BY_STATUS[state.status](snapshot, node, state)
    wakes = "nothing; this status is final"
    if _is_retried(snapshot, node, state):
        wakes = "a retry of the execution, which runs it again"
        details["actions"] = ["retry"]
    if state.reason is not None:
        details["reason"] = str(state.reason)
    return Explanation(state.node_id, state.status, f"nothing: {why}", None, wakes, details)


def explain_end(snapshot: Snapshot, *, next_pass: str) -> Explanation:
    """Explain an execution that has ended, or none of whose nodes is open.

    next_pass  what drains a worklist.
    """
    status = snapshot.execution.status
    if status.is_terminal:
        what = f"nothing: the execution is {status}{_why(snapshot.execution)}"
        may_retry = status in (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED)
        wakes = "a retry of the execution" if may_retry else "nothing; this status is final"
        details = {"actions": ["retry"]} if may_retry and snapshot.execution.older_layout is None else {}
        return Explanation(None, status, what, None, wakes, details)
    done = f"its end: all {len(snapshot.nodes)} nodes are done"
    if snapshot.worklist:
        return Explanation(
            None, status, f"{done}, and decisions about them are still in the worklist", None, next_pass
        )
    return Explanation(None, status, done, None, SWEEP, {"repair": True})


def _why(execution: Execution) -> str:
    """Say what ended an execution, where that was none of its nodes."""
    if execution.error:
        return f" with {execution.error.get('type')}: {execution.error.get('message')}"
    why = execution.reason or execution.cancelling
    return f" ({why})" if why else ""


def _is_retried(snapshot: Snapshot, node: Node, state: NodeState) -> bool:
    """Whether the execution may be retried, and a retry runs this again."""
    execution = snapshot.execution
    if state.status is NodeStatus.COMPLETED or execution.older_layout is not None:
        return False
    may_retry = execution.status in (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED)
    return may_retry and node.id in rerun_set(snapshot)


def _completed(snapshot: Snapshot, node: Node, state: NodeState) -> _Why:
    if state.reused:
        source = snapshot.execution.forked_from
        return f"it completed in execution {source}, of which this one is a fork", {"forked_from": source}
    again = f" in {try_words(node, state)}" if state.tries > 1 else ""
    return f"it completed at {clock(state.ended_ms)}{again}", {"tries": state.tries}


def _failed(snapshot: Snapshot, node: Node, state: NodeState) -> _Why:
    what = f"it failed at {clock(state.ended_ms)}{_tries_used(node, state)}"
    if state.caught is not None:
        what += f"; {state.caught} took over"
    elif state.node_id != node.id:
        pass  # What follows from the failure of an item its node decides.
    elif node.continues_on_failure:
        what += "; what depends on it runs all the same"
    elif not node.critical:
        what += "; it does not fail the execution, since it is not critical"
    details = {"error": state.error, "tries": state.tries, "caught": state.caught}
    return what, details | _failed_below(node, state)


def _tries_used(node: Node, state: NodeState) -> str:
    """Say in which try it failed, with which error, and why no other one followed."""
    error, policy = NodeError.from_dict(state.error or {}), node.policy
    if error.type == ErrorType.ITEMS_FAILED:
        return error_words(state)  # The tries are those of its items.
    tries = max(state.tries, 1)
    is_over = policy.rules or state.reason is not Reason.ERROR or tries >= policy.max_attempts
    if is_over or state.error is None or is_worth_another(policy, error):
        return f" in {try_words(node, state)}{error_words(state)}"
    why = "its retry policy leaves this error out" if error.retryable else "this error is not retryable"
    again = f"; not tried again, though {policy.max_attempts} tries are allowed: {why}"
    return f" in try {tries}{error_words(state)}{again}"


def _failed_below(node: Node, state: NodeState) -> dict[str, Any]:
    """Name what failed below it, and can be asked about: the first of its items, or its child."""
    if state.child is not None:
        return {"child": state.child}
    details = (state.error or {}).get("details")
    first = details.get("first") if isinstance(details, dict) else None
    if not node.map or state.node_id != node.id or not isinstance(first, list):
        return {}
    return {"failed_items": [each["index"] for each in first if isinstance(each, dict) and "index" in each]}


def _cancelled(snapshot: Snapshot, node: Node, state: NodeState) -> _Why:
    execution = snapshot.execution
    cause = None if execution.cancelling is None else str(execution.cancelling)
    # The end of an execution cancels a mapped node after its items; where they stopped one another, it fails.
    if state.node_id != node.id and (cause is None or snapshot.nodes[node.id].status is NodeStatus.FAILED):
        return f"it was cancelled, since {node.id} runs no further item", {"cause": None}
    because = execution.reason or cause
    return "it was cancelled with its execution" + (f" ({because})" if because else ""), {"cause": cause}


def _skipped(snapshot: Snapshot, node: Node, state: NodeState) -> _Why:
    states, others = snapshot.nodes, node.dependencies
    match state.reason:
        case Reason.UPSTREAM_FAILED:
            return _behind_failures(snapshot, node)
        case Reason.BRANCH_NOT_TAKEN:
            deciders = [
                other
                for other in others
                if node.id in snapshot.not_taken.get(other, ())
                or node.id in snapshot.definition.node(other).gotos
            ]
            what = f"this branch was not taken by {names_of(states, deciders)}"
            return what, {"decided_by": deciders}
        case Reason.UPSTREAM_SKIPPED:
            skipped = [other for other in others if states[other].status is NodeStatus.SKIPPED]
            what = f"it was skipped, since these were: {names_of(states, skipped, with_status=False)}"
            return what, {"dependencies": _statuses(snapshot, skipped)}
        case Reason.TRIGGER_RULE_UNMET:
            what = f"its trigger rule {node.trigger_rule} is not met by {names_of(states, others)}"
            rule = str(node.trigger_rule)
            return what, {"dependencies": _statuses(snapshot, others), "trigger_rule": rule}
        case Reason.CONDITION_FALSE:
            return f"it was skipped, since its `when` is false: {node.when}", {"when": node.when}
        case Reason.OPERATOR:
            return "an operator skipped it", {}
        case _:
            return "its handler skipped it", {}


def _behind_failures(snapshot: Snapshot, node: Node) -> _Why:
    causes = find_causes(snapshot.definition, snapshot.nodes).because_of[node.id]
    details: dict[str, Any] = {"because_of": list(causes)}
    if not causes:
        return "it was skipped behind a failure, and what failed has been retried since", details
    first = snapshot.nodes[causes[0]]
    ended = "was cancelled" if first.status is NodeStatus.CANCELLED else f"failed{error_words(first)}"
    rest = f"; further causes: {names_of(snapshot.nodes, causes[1:], with_status=False)}" * bool(causes[1:])
    return f"it was skipped, since {first.node_id} {ended}{rest}", details


def _statuses(snapshot: Snapshot, node_ids: tuple[str, ...] | list[str]) -> dict[str, str]:
    return {node_id: str(snapshot.nodes[node_id].status) for node_id in node_ids}


_BY_STATUS: dict[NodeStatus, Callable[[Snapshot, Node, NodeState], _Why]] = {
    NodeStatus.COMPLETED: _completed,
    NodeStatus.FAILED: _failed,
    NodeStatus.CANCELLED: _cancelled,
    NodeStatus.SKIPPED: _skipped,
}
