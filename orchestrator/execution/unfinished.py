"""Names the nodes that had not ended when the time of their execution was over. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.definitions.definition import Definition
from orchestrator.execution.explanation import NAMES_SHOWN
from orchestrator.execution.model import NodeState
from orchestrator.states import NodeStatus


def unfinished_words(definition: Definition, states: Mapping[str, NodeState]) -> str:
    """Name those under way, each with what it did, and count those that had not begun; "" for none."""
    open_states = [states[node.id] for node in definition.nodes if not states[node.id].status.is_terminal]
    begun = [state for state in open_states if state.status is not NodeStatus.PENDING]
    named = [f"{state.node_id} ({_doing(state)})" for state in begun[:NAMES_SHOWN]]
    if more := len(begun) - len(named):
        named.append(f"{more:,} more")
    if never := len(open_states) - len(begun):
        named.append(f"{never:,} not begun")
    return ", ".join(named)


def _doing(state: NodeState) -> str:
    words = [str(state.status)]
    if state.waiting_on is not None:
        words.append(f"on {state.waiting_on}")
    if state.waiting_on == "child" and state.child is not None:
        words.append(state.child)
    if state.error is not None and state.tries:
        words.append(f"after {state.error.get('type')}")
    return " ".join(words)
