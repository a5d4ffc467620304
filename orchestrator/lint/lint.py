"""Warns about valid definitions that are probably mistakes: nodes that never run, limits that never pass.

A warning is given only where it is true whatever handlers answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.retry import RetryPolicy
from orchestrator.definitions.retry_decision import longest_waits_ms
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.errors import Problem
from orchestrator.execution.inventory import Configured
from orchestrator.lint.budget import BUDGET, LintBudget
from orchestrator.lint.comments import kept_comments
from orchestrator.lint.configured import not_configured
from orchestrator.lint.context import Linter
from orchestrator.lint.dead_nodes import (
    ALL_OF_THEM,
    ONE_OF_THEM,
    constant_answers,
    idle_conditions,
    never_running,
)
from orchestrator.lint.error_patterns import misspelt_error_types
from orchestrator.lint.events import unchecked_stop, undeclared_events
from orchestrator.lint.inputs import misread_inputs
from orchestrator.lint.joins import joins_behind_catches
from orchestrator.lint.literal_texts import literal_references
from orchestrator.lint.map_reads import misread_maps
from orchestrator.lint.output_reads import misread_outputs
from orchestrator.lint.references import missing_in_output, missing_references
from orchestrator.lint.schemas import misread_schemas
from orchestrator.lint.timeouts import DELAY, format_ms, idle_rules, short_limits, waits_for_ms
from orchestrator.lint.waits import endless_waits, unbounded_waits, unheard_decisions


def lint(
    definition: Definition,
    limits: Limits | None = None,
    *,
    budget: LintBudget = BUDGET,
    configured: Configured | None = None,
) -> list[Problem]:
    """List the warnings about a definition, each with its place, what it means and what to do. Pure.

    At most limits.max_problems are spelled out.
    configured  what the settings of live workers name; None where that is not known.
    """
    linter = Linter(definition, Findings(limits or Limits()), budget)
    for check in _CHECKS:
        check(linter)
    if configured is not None:
        for path, code, message, hint in not_configured(linter, configured):
            linter.warn(path, code, message, hint)
    found, left_out = linter.findings.problems, linter.findings.left_out
    if left_out:
        found.append(Problem("", "more_warnings", f"and {left_out:,} more warnings", kind="graph"))
    return found


def _references(linter: Linter) -> None:
    for node, path, code, message, hint in missing_references(
        linter.definition, linter.uses, linter.reach, replace(linter.known, skips=_never)
    ):
        linter.warn(linter.at(node, path), code, message, hint)


def _output(linter: Linter) -> None:
    for path, code, message, hint in missing_in_output(linter, replace(linter.known, skips=_never)):
        linter.warn(path, code, message, hint)


def _texts_and_maps(linter: Linter) -> None:
    for path, code, message, hint in chain.from_iterable(find(linter) for find in _OF_TEXTS):
        linter.warn(path, code, message, hint)


def _joins(linter: Linter) -> None:
    for path, code, message, hint in joins_behind_catches(linter):
        linter.warn(path, code, message, hint)


_OF_TEXTS: tuple[Callable[[Linter], Iterator[tuple[str, str, str, str | None]]], ...] = (
    kept_comments,
    literal_references,
    misread_maps,
    misread_outputs,
    misread_schemas,
)


def _never(node: Node) -> bool:
    return False  # few handlers skip by themselves; to warn of all of them would be noise


# Time


def _time_limits(linter: Linter) -> None:
    limit_ms = linter.definition.execution_timeout_ms
    if limit_ms is None:
        return
    warned: set[str] = set()
    for node in linter.definition.nodes:
        for field, given_ms in (
            ("start_to_close_timeout", node.start_to_close_ms),
            ("schedule_to_start_timeout", node.schedule_to_start_ms),
            ("schedule_to_close_timeout", node.schedule_to_close_ms),
        ):
            path = linter.where_set(node, field)
            if given_ms is None or path is None or path in warned or given_ms <= limit_ms:
                continue
            warned.add(path)
            message = f"{field} of {format_ms(given_ms)} can never pass: the execution ends before, by its"
            linter.warn(path, "timeout_never_passes", f"{message} execution_timeout of {format_ms(limit_ms)}")
    for node, start_ms, end_ms in _delays(linter):
        if start_ms <= limit_ms < end_ms:
            message = f"{node.id!r} can never complete: it waits {format_ms(end_ms - start_ms)}"
            if start_ms:
                message += f", at least {format_ms(start_ms)} after the start"
            message += f", and the execution ends after {format_ms(limit_ms)}"
            hint = "raise execution_timeout, or wait less"
            linter.warn(linter.at(node, "config.seconds"), "delay_outlasts_execution", message, hint)


def _waits(linter: Linter) -> None:
    found = (endless_waits(linter.definition), unbounded_waits(linter), unheard_decisions(linter.definition))
    for node, path, code, message, hint in chain.from_iterable(found):
        linter.warn(linter.at(node, path), code, message, hint)


def _limits(linter: Linter) -> None:
    for path, code, message, hint in short_limits(linter):
        linter.warn(path, code, message, hint)


def _delays(linter: Linter) -> Iterator[tuple[Node, int, int]]:
    """Give each delay of a known length with the earliest it can start and end, in ms from the start."""
    done_ms: dict[str, int] = {}
    for node_id in linter.reach.order:
        node = linter.definition.node(node_id)
        before = [done_ms[name] for name in node.dependencies]
        start_ms = 0
        if before and (node.trigger_rule in ALL_OF_THEM or len(before) == 1):
            start_ms = max(before) if node.trigger_rule in ALL_OF_THEM | ONE_OF_THEM else 0
        elif before and node.trigger_rule in ONE_OF_THEM:
            start_ms = min(before)
        length_ms = waits_for_ms(node) if node.handler == DELAY else None
        done_ms[node_id] = start_ms + (length_ms or 0)
        if length_ms:
            yield node, start_ms, done_ms[node_id]


def _retries(linter: Linter) -> None:
    warned: set[str] = set()
    for node in linter.definition.nodes:
        path = linter.where_set(node, "retry")
        if node.retry is None or path is None or path in warned:
            continue
        warned.add(path)
        _judge_policy(linter, path, node.retry)
        for where, code, message, hint in idle_rules(node.retry, path, linter.is_list(path)):
            linter.warn(where, code, message, hint)
    for where, code, message, meant in misspelt_error_types(linter):
        linter.warn(where, code, message, meant)


def _judge_policy(linter: Linter, path: str, policy: RetryPolicy) -> None:
    if policy.max_attempts == 1:
        return
    limit_ms, waits_ms = linter.definition.execution_timeout_ms, longest_waits_ms(policy)
    if limit_ms is not None and waits_ms > limit_ms:
        message = (
            f"the waits between {policy.max_attempts} tries can add up to {format_ms(waits_ms)}, more than "
            f"the execution_timeout of {format_ms(limit_ms)}"
        )
        hint = "lower max_attempts or maximum_interval, or raise execution_timeout"
        linter.warn(path, "retries_outlast_execution", message, hint)
    if policy.initial_interval_ms > policy.maximum_interval_ms:
        message = (
            f"initial_interval of {format_ms(policy.initial_interval_ms)} is never waited: "
            f"maximum_interval is {format_ms(policy.maximum_interval_ms)}"
        )
        linter.warn(path, "interval_cut", message, "raise maximum_interval, or lower initial_interval")
    barred = set(policy.non_retryable)
    if "*" in barred or (policy.retry_on and barred.issuperset(policy.retry_on)):
        message = "no error is ever tried again: non_retryable names all of them, and beats retry_on"
        linter.warn(path, "never_retried", message)


# Inputs, and the end


def _inputs(linter: Linter) -> None:
    for path, code, message, hint in misread_inputs(linter):
        linter.warn(path, code, message, hint)


def _events(linter: Linter) -> None:
    for node, path, code, message, hint in undeclared_events(linter.definition, linter.findings):
        linter.warn(linter.at(node, path), code, message, hint)
    for path, code, message, hint in unchecked_stop(linter.definition):
        linter.warn(path, code, message, hint)


def _nothing_critical(linter: Linter) -> None:
    if any(node.critical for node in linter.definition.nodes):
        return
    message = "no node is critical, so the execution completes even if every node fails"
    if linter.definition.fail_fast:
        message += ", and fail_fast never applies"
    linter.warn(linter.path, "nothing_critical", message, "leave out critical: false where a failure matters")


_CHECKS: tuple[Callable[[Linter], None], ...] = (
    constant_answers,
    idle_conditions,
    never_running,
    _joins,
    _references,
    _output,
    _texts_and_maps,
    _time_limits,
    _waits,
    _limits,
    _retries,
    _inputs,
    _events,
    _nothing_critical,
)
