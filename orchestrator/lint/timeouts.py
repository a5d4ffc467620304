"""Warns of time limits of one node that contradict each other: one passes before the other can matter."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.branches import APPROVAL, WAIT_FOR_SIGNAL
from orchestrator.definitions.definition import Node
from orchestrator.definitions.error_types import matches
from orchestrator.definitions.retry import RetryPolicy
from orchestrator.definitions.retry_decision import longest_waits_ms
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.lint.context import Linter

DELAY = "delay"
_CLOSE = "schedule_to_close_timeout"
#: Path, code, message, hint.
Finding = tuple[str, str, str, str]


def short_limits(linter: Linter) -> Iterator[Finding]:
    """Give what the limits of a node leave no time for, once for each path."""
    warned: set[str] = set()
    for node in linter.definition.nodes:
        found = [] if node.heartbeat_ms is None else [*_silence(linter, node, node.heartbeat_ms)]
        if node.schedule_to_close_ms is not None:
            found += _of_node(linter, node, node.schedule_to_close_ms)
        for path, code, message, hint in found:
            if path not in warned:
                warned.add(path)
                yield path, code, message, hint


def _silence(linter: Linter, node: Node, silence_ms: int) -> Iterator[Finding]:
    limits = {"start_to_close_timeout": node.start_to_close_ms, _CLOSE: node.schedule_to_close_ms}
    for name, limit_ms in limits.items():
        if limit_ms is not None and silence_ms > limit_ms:
            message = f"heartbeat_timeout of {format_ms(silence_ms)} can never pass: {node.id!r} is stopped"
            message += f" before, by its {name} of {format_ms(limit_ms)}"
            path = linter.at(node, "heartbeat_timeout")
            yield path, "timeout_never_passes", message, f"lower heartbeat_timeout, or raise {name}"


def _of_node(linter: Linter, node: Node, close_ms: int) -> Iterator[Finding]:
    limit = f"its {_CLOSE} of {format_ms(close_ms)}"
    for field, given_ms in (
        ("start_to_close_timeout", node.start_to_close_ms),
        ("schedule_to_start_timeout", node.schedule_to_start_ms),
    ):
        path = linter.where_set(node, field)
        if given_ms is not None and path is not None and given_ms > close_ms:
            message = f"{field} of {format_ms(given_ms)} can never pass: {node.id!r} fails before, by {limit}"
            yield path, "timeout_never_passes", message, f"raise {_CLOSE}, or lower {field}"
    path, waits_ms = linter.where_set(node, "retry"), longest_waits_ms(node.policy)
    if node.retry is not None and path is not None and waits_ms > close_ms:
        message = f"the waits between the tries of {node.id!r} can add up to {format_ms(waits_ms)}, more"
        message += f" than {limit}"
        yield (
            path,
            "retries_outlast_node",
            message,
            f"lower max_attempts or maximum_interval, or raise {_CLOSE}",
        )
    wait_ms = waits_for_ms(node)
    if wait_ms is None or wait_ms <= close_ms:
        return
    if node.handler == DELAY:
        message = f"{node.id!r} can never complete: it waits {format_ms(wait_ms)}, longer than {limit}"
        yield (
            linter.at(node, "config.seconds"),
            "delay_outlasts_node",
            message,
            f"raise {_CLOSE}, or wait less",
        )
    else:
        message = f"the timeout of {node.id!r} can never pass: the node fails before, by {limit}"
        yield (
            linter.at(node, "config.timeout"),
            "timeout_never_passes",
            message,
            f"raise {_CLOSE}, or wait less",
        )


def idle_rules(policy: RetryPolicy, path: str, is_list: bool) -> Iterator[Finding]:
    """Give the rules of a list that never decide, and the intervals in them that are never waited."""
    before: tuple[str, ...] = ()
    for index, rule in enumerate(policy.rules):
        where = f"{path}[{index}]" if is_list else f"{path}.rules[{index}]"
        if before and all(matches(pattern, before) for pattern in rule.errors):
            message = (
                f"the rule never decides: rules before it name {' and '.join(map(repr, rule.errors))} as well"
            )
            yield where, "rule_never_matches", message, "put it before them, or leave it out"
        before += rule.errors
        own = rule.policy
        if own.max_attempts > 1 and own.initial_interval_ms > own.maximum_interval_ms:
            message = f"initial_interval of {format_ms(own.initial_interval_ms)} is never waited:"
            message += f" maximum_interval is {format_ms(own.maximum_interval_ms)}"
            yield where, "interval_cut", message, "raise maximum_interval, or lower initial_interval"


def waits_for_ms(node: Node) -> int | None:
    """Give how long a node waits, if its config says so without a template."""
    if node.map is not None:  # How often a mapped one waits, if at all, is not known.
        return None
    if node.handler == DELAY:
        given = node.config.get("seconds")
    else:
        given = node.config.get("timeout") if node.handler in (WAIT_FOR_SIGNAL, APPROVAL) else None
    try:
        return None if given is None else parse_duration_ms(given)
    except ValueError:  # a template
        return None


def format_ms(duration_ms: int) -> str:
    """Write a duration as authors do: 1h30m."""
    left, parts = duration_ms, []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
