"""The value an explanation is, and the wording its parts share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.definitions.definition import Node
from orchestrator.documents.times import rfc3339
from orchestrator.execution.model import NodeState
from orchestrator.states import ExecutionStatus, NodeStatus

SWEEP = "the orchestrator's sweep repairs it"
#: How many names of nodes or workers a sentence holds before it says "and N more".
NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one node, or with node_id None the execution itself, waits for."""

    node_id: str | None
    status: NodeStatus | ExecutionStatus
    #: Completes the sentence "it waits for …".
    waiting_for: str
    #: Redis milliseconds; None when no clock decides.
    until_ms: int | None
    #: What will move it on.
    wakes: str
    #: The same for programs. `actions`: the verbs that end the wait, where a request does.
    details: Mapping[str, Any] = field(default_factory=dict)


def waits_for(
    state: NodeState, waiting_for: str, wakes: str, until_ms: int | None = None, **details: Any
) -> Explanation:
    """Explain the wait of one node or unit."""
    return Explanation(state.node_id, state.status, waiting_for, until_ms, wakes, details)


def names_of(states: Mapping[str, NodeState], node_ids: Sequence[str], *, with_status: bool = True) -> str:
    """List the first nodes, and how many more there are."""
    shown = [
        f"{node_id} ({states[node_id].status})" if with_status else node_id
        for node_id in node_ids[:NAMES_SHOWN]
    ]
    more = len(node_ids) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def try_words(node: Node, state: NodeState) -> str:
    return f"try {max(state.tries, 1)} of {node.policy.max_attempts}"


def error_words(state: NodeState) -> str:
    if not state.error:
        return ""
    return f" with {state.error.get('type', 'an error')}: {state.error.get('message', '')}".rstrip(": ")


def clock(moment_ms: int | None) -> str:
    if moment_ms is None:
        return "an unknown time"
    return rfc3339(moment_ms)
