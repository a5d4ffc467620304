"""Warn of waits for somebody outside that nothing ends, and of limits that never pass."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.branches import APPROVAL, WAIT_FOR_SIGNAL
from orchestrator.definition import Definition, Node
from orchestrator.durations import parse_duration_ms


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


def _ms(given: object) -> int | None:
    try:
        return parse_duration_ms(given)
    except ValueError:  # a template
        return None
