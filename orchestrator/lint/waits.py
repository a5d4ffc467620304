"""Warns of waits without a time limit, of limits that never pass, and of decisions that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.branches import APPROVAL, WAIT_FOR_SIGNAL
from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.sub_workflows import SUB_WORKFLOW
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.lint.context import Linter
from orchestrator.lint.timeouts import DELAY

#: What ends the wait of each handler that waits rather than works.
_BOUNDED_BY = {
    APPROVAL: "config.timeout or schedule_to_close_timeout",
    WAIT_FOR_SIGNAL: "config.timeout or schedule_to_close_timeout",
    SUB_WORKFLOW: "the child's execution_timeout or schedule_to_close_timeout",
    DELAY: "schedule_to_close_timeout",
}


def endless_waits(definition: Definition) -> Iterator[tuple[Node, str, str, str, str]]:
    """Give for each such wait: the node, the path in it, code, message and hint."""
    limit_ms = definition.execution_timeout_ms
    for node in definition.nodes:
        if node.handler not in (WAIT_FOR_SIGNAL, APPROVAL):
            continue
        given = node.config.get("timeout")
        what = "a signal" if node.handler == WAIT_FOR_SIGNAL else "a decision"
        if given is None and limit_ms is None and node.schedule_to_close_ms is None:
            message = f"{node.id!r} waits for {what} for ever: neither it nor the execution has a time limit"
            yield node, "config", "wait_without_timeout", message, "give it a timeout, and say on_timeout"
        elif given is not None and limit_ms is not None and (_ms(given) or 0) > limit_ms:
            message = f"the timeout of {node.id!r} can never pass: the execution ends before"
            hint = "raise execution_timeout, or wait less"
            yield node, "config.timeout", "timeout_never_passes", message, hint


def unbounded_waits(linter: Linter) -> Iterator[tuple[Node, str, str, str, str]]:
    """Give nodes that wait, with a limit of their own that bounds only the moments in which they work."""
    for node in linter.definition.nodes:
        field = "start_to_close_timeout"
        if node.handler in _BOUNDED_BY and linter.where_set(node, field) == linter.at(node, field):
            message = f"{field} does not bound the wait of {node.id!r}: it counts while a worker runs it"
            yield node, field, "wait_not_bounded", message, f"what does: {_BOUNDED_BY[node.handler]}"


def unheard_decisions(definition: Definition) -> Iterator[tuple[Node, str, str, str, str]]:
    """Give approvals behind which the same happens whether they are granted or not."""
    nodes = [*definition.nodes, *([definition.output_node] if definition.output_node else [])]
    heard = {name for node in nodes for name in node.references}
    for node in definition.nodes:
        if node.handler == APPROVAL and node.id not in heard and definition.successors.get(node.id):
            message = f"nothing reads what {node.id!r} decides: what is behind it runs after a denial as well"
            hint = f"give what needs it: when: \"{{{{ {node.id}.decision == 'approve' }}}}\""
            yield node, "", "decision_never_read", message, hint


def _ms(given: object) -> int | None:
    try:
        return parse_duration_ms(given)
    except ValueError:  # a template
        return None
