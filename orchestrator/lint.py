"""Say what is allowed in a definition and yet cannot be meant: steps that never run, limits that never hold.

A warning is told only where it is true whatever handlers answer. What depends on the data of one execution,
on workers or on the time of day is not judged, and neither is what an operator may do to an execution later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from orchestrator.branches import CONDITION, SWITCH
from orchestrator.constant_answers import given_of
from orchestrator.definition import Definition, Node
from orchestrator.durations import parse_duration_ms
from orchestrator.errors import Problem
from orchestrator.findings import Findings, listed
from orchestrator.limits import Limits
from orchestrator.lint_references import missing_references
from orchestrator.lint_waits import endless_waits
from orchestrator.reachability import OK, OTHER, Reachability, outcome_leaving_out
from orchestrator.retry import RetryPolicy, longest_waits_ms
from orchestrator.rules import DEFAULT_RULE, TriggerRule
from orchestrator.template_uses import Use, uses_in, uses_of

DELAY = "delay"
#: Dependencies compared with each other to say why a join never runs.
_COMPARED = 50

_ALL_OF_THEM = frozenset({TriggerRule.ALL_SUCCESS})
_ONE_OF_THEM = frozenset(
    {
        TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
        TriggerRule.ONE_SUCCESS,
    }
)


def lint(definition: Definition, limits: Limits | None = None) -> list[Problem]:
    """List the warnings about a definition, each with its place, what it means and what to do. Pure.

    At most limits.max_problems are spelled out.
    """
    linter = _Linter(definition, Findings(limits or Limits()))
    # Courses through a switch, or on from a handled failure, are not worked out: better to say nothing than
    # what is not so.
    is_known = not any(n.catch or n.goes_on or n.handler == SWITCH for n in definition.nodes)
    for check in _CHECKS:
        if is_known or check not in _BY_COURSE:
            check(linter)
    found, left_out = linter.findings.problems, linter.findings.left_out
    if left_out:
        found.append(Problem("", "more_warnings", f"and {left_out:,} more warnings", kind="graph"))
    return found


class _Linter:
    """One definition being looked at."""

    def __init__(self, definition: Definition, findings: Findings) -> None:
        self.definition = definition
        self.findings = findings
        self.path = "nodes" if definition.source.get("dag") is None else "dag.nodes"
        self.index = {node.id: index for index, node in enumerate(definition.nodes)}
        self.uses: dict[str, list[Use]] = {
            node.id: list(uses_of(node)) for node in definition.nodes if node.config or node.when is not None
        }
        self.given = given_of(definition)
        read = {use.root for uses in self.uses.values() for use in uses}
        self.watched = read.intersection(self.index)
        self.reach = Reachability(definition, self.given, watched=self.watched)

    def at(self, node: Node, field: str = "") -> str:
        path = f"{self.path}[{self.index[node.id]}]"
        return f"{path}.{field}" if field else path

    def where_set(self, node: Node, field: str) -> str | None:
        """Find where the author gave a node this field: itself, or the defaults; None when it did not."""
        source = self.definition.source
        raw = (source if source.get("dag") is None else source["dag"]).get("nodes", [])
        own = raw[self.index[node.id]] if self.index[node.id] < len(raw) else {}
        if own.get(field) is not None:
            return self.at(node, field)
        return f"defaults.{field}" if (source.get("defaults") or {}).get(field) is not None else None

    def warn(self, path: str, code: str, message: str, hint: str | None = None) -> None:
        self.findings.add(path, code, message, hint, kind="graph")


# What runs


def _constant_answers(linter: _Linter) -> None:
    for node in linter.definition.nodes:
        switch = linter.given.when.get(node.id)
        if switch is not None:
            message = f"'when' of {node.id!r} is always {'true' if switch else 'false'}: "
            message += "it can be left out" if switch else "the node never runs"
            linter.warn(linter.at(node, "when"), "when_always_true" if switch else "never_runs", message)
        answer = linter.given.answers.get(node.id)
        if answer is None:
            continue
        field = "false_branch" if answer else "true_branch"
        lost = node.branch(field)
        message = f"condition {node.id!r} is always {'true' if answer else 'false'}"
        if lost:
            message += f", so its {field} ({listed(lost, 5)}) is never taken"
            linter.warn(linter.at(node, f"config.{field}"), "branch_never_taken", message)
        else:
            linter.warn(linter.at(node, "config.expression"), "constant_condition", message)


def _idle_conditions(linter: _Linter) -> None:
    read = {use.root for uses in linter.uses.values() for use in uses}
    for node in linter.definition.nodes:
        if node.handler == CONDITION and not node.branches and node.id not in read:
            message = (
                f"condition {node.id!r} decides nothing: it has no branches and nothing reads its result"
            )
            hint = "name direct successors in true_branch or false_branch"
            linter.warn(linter.at(node, "config"), "condition_without_branches", message, hint)


def _never_running(linter: _Linter) -> None:
    for node in linter.definition.nodes:
        if linter.reach.turns[node.id]:
            continue
        code, why, hint = _why_never(linter, node)
        linter.warn(linter.at(node), code, f"{node.id!r} can never run: {why}", hint)


def _why_never(linter: _Linter, node: Node) -> tuple[str, str, str | None]:
    """Name the nearest cause for which a node never gets its turn."""
    reach, rule = linter.reach, node.trigger_rule.value
    for name in node.dependencies:
        lost = outcome_leaving_out(linter.definition.node(name), node.id)
        if lost is not None and not reach.worlds[name][OK if lost == OTHER else OTHER]:
            if reach.can_complete(name):
                return (
                    "never_runs",
                    f"it is on a branch that {linter.definition.node(name).handler} {name!r} never takes",
                    None,
                )
            return "never_runs", f"{linter.definition.node(name).handler} {name!r} never completes", None
    idle = [name for name in node.dependencies if not reach.can_complete(name)]
    if node.trigger_rule in _ALL_OF_THEM | _ONE_OF_THEM and idle:
        return "never_runs", f"{listed(idle, 5)} can never complete, and its trigger rule is {rule}", None
    worlds = [(name, reach.worlds[name][OK] | reach.worlds[name][OTHER]) for name in node.dependencies]
    for place, (one, its) in enumerate(worlds[:_COMPARED]):
        for other, theirs in worlds[place + 1 : _COMPARED]:
            if node.trigger_rule in _ALL_OF_THEM and not reach.is_possible(its & theirs):
                hint = f"trigger_rule {DEFAULT_RULE.value} runs it with what was taken"
                return "join_never_runs", _dispute(linter, one, other, its & theirs), hint
    if len(node.dependencies) > 1:
        return "join_never_runs", f"no outcome of its dependencies meets its trigger rule {rule}", None
    return "never_runs", f"no outcome of {node.dependencies[0]!r} meets its trigger rule {rule}", None


def _dispute(linter: _Linter, one: str, other: str, world: int) -> str:
    cause = linter.reach.dispute(world, world)
    text = f"its dependencies {one!r} and {other!r} never complete both"
    if cause is None:
        return text
    if linter.definition.node(cause).branches:
        return f"{text}: they need different branches of {linter.definition.node(cause).handler} {cause!r}"
    return f"{text}: they need different outcomes of {cause!r}"


def _references(linter: _Linter) -> None:
    for node, path, code, message, hint in missing_references(
        linter.definition, linter.uses, linter.reach, replace(linter.given, skips=_never)
    ):
        linter.warn(linter.at(node, path), code, message, hint)


def _never(node: Node) -> bool:
    return False  # few handlers skip by themselves; to warn of all of them would be noise


# Time


def _time_limits(linter: _Linter) -> None:
    limit_ms = linter.definition.execution_timeout_ms
    if limit_ms is None:
        return
    told: set[str] = set()
    for node in linter.definition.nodes:
        for field, given_ms in (
            ("start_to_close_timeout", node.start_to_close_ms),
            ("schedule_to_start_timeout", node.schedule_to_start_ms),
        ):
            path = linter.where_set(node, field)
            if given_ms is None or path is None or path in told or given_ms <= limit_ms:
                continue
            told.add(path)
            message = f"{field} of {_spoken(given_ms)} can never pass: the execution ends before, by its"
            linter.warn(path, "timeout_never_passes", f"{message} execution_timeout of {_spoken(limit_ms)}")
    for node, start_ms, end_ms in _delays(linter):
        if start_ms <= limit_ms < end_ms:
            message = f"{node.id!r} can never complete: it waits {_spoken(end_ms - start_ms)}"
            if start_ms:
                message += f", at least {_spoken(start_ms)} after the start"
            message += f", and the execution ends after {_spoken(limit_ms)}"
            hint = "raise execution_timeout, or wait less"
            linter.warn(linter.at(node, "config.seconds"), "delay_outlasts_execution", message, hint)


def _waits(linter: _Linter) -> None:
    for node, path, code, message, hint in endless_waits(linter.definition):
        linter.warn(linter.at(node, path), code, message, hint)


def _delays(linter: _Linter) -> Iterator[tuple[Node, int, int]]:
    """Give each delay of a known length with the earliest it can start and end, in ms from the start."""
    done_ms: dict[str, int] = {}
    for node_id in linter.reach.order:
        node = linter.definition.node(node_id)
        before = [done_ms[name] for name in node.dependencies]
        start_ms = 0
        if before and (node.trigger_rule in _ALL_OF_THEM or len(before) == 1):
            start_ms = max(before) if node.trigger_rule in _ALL_OF_THEM | _ONE_OF_THEM else 0
        elif before and node.trigger_rule in _ONE_OF_THEM:
            start_ms = min(before)
        length_ms = _delay_ms(node)
        done_ms[node_id] = start_ms + (length_ms or 0)
        if length_ms:
            yield node, start_ms, done_ms[node_id]


def _delay_ms(node: Node) -> int | None:
    given = node.config.get("seconds") if node.handler == DELAY else None
    try:
        return None if given is None else parse_duration_ms(given)
    except ValueError:  # a template
        return None


def _retries(linter: _Linter) -> None:
    told: set[str] = set()
    for node in linter.definition.nodes:
        path = linter.where_set(node, "retry")
        if node.retry is None or path is None or path in told:
            continue
        told.add(path)
        _judge_policy(linter, path, node.retry)


def _judge_policy(linter: _Linter, path: str, policy: RetryPolicy) -> None:
    if policy.max_attempts == 1:
        return
    limit_ms, waits_ms = linter.definition.execution_timeout_ms, longest_waits_ms(policy)
    if limit_ms is not None and waits_ms > limit_ms:
        message = (
            f"the waits between {policy.max_attempts} tries can add up to {_spoken(waits_ms)}, more than the "
            f"execution_timeout of {_spoken(limit_ms)}"
        )
        hint = "lower max_attempts or maximum_interval, or raise execution_timeout"
        linter.warn(path, "retries_outlast_execution", message, hint)
    if policy.initial_interval_ms > policy.maximum_interval_ms:
        message = (
            f"initial_interval of {_spoken(policy.initial_interval_ms)} is never waited: maximum_interval is "
            f"{_spoken(policy.maximum_interval_ms)}"
        )
        linter.warn(path, "interval_cut", message, "raise maximum_interval, or lower initial_interval")
    barred = set(policy.non_retryable)
    if "*" in barred or (policy.retry_on and barred.issuperset(policy.retry_on)):
        message = "no error is ever tried again: non_retryable names all of them, and beats retry_on"
        linter.warn(path, "never_retried", message)


# Inputs, and the end


def _inputs(linter: _Linter) -> None:
    schema = linter.definition.inputs_schema or {}
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return
    rest = {name: value for name, value in linter.definition.source.items() if name not in _NOT_READING}
    uses = [use for text, path in _texts(rest) for use in uses_in(text, path) if use.root == "inputs"]
    if not any(use.key is None for use in uses):
        used = {use.key for use in uses}
        for name in properties:
            if name not in used:
                message = f"no template reads the input {name!r}"
                linter.warn(f"inputs.properties.{name}", "unused_input", message)
    others = {"patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas", "$dynamicRef"}
    if schema.get("additionalProperties") is not False or others.intersection(schema):
        return
    for node in linter.definition.nodes:
        for use in linter.uses.get(node.id, ()):
            if use.root == "inputs" and use.key is not None and use.is_needed and use.key not in properties:
                close = linter.findings.close_to(use.key, properties)
                message = f"{node.id!r} reads the input {use.key!r}, which the schema does not allow"
                hint = f"did you mean {close!r}?" if close else f"inputs: {listed(properties)}"
                linter.warn(linter.at(node, use.path), "unknown_input", message, hint)


_NOT_READING = frozenset({"inputs", "name", "description"})


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Give every text in a document that may read an input."""
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, str) and "inputs" in found:
            yield found, ""
        elif isinstance(found, dict):
            stack += found.values()
        elif isinstance(found, list):
            stack += found


def _nothing_critical(linter: _Linter) -> None:
    if any(node.critical for node in linter.definition.nodes):
        return
    message = "no node is critical, so the execution completes even if every node fails"
    if linter.definition.fail_fast:
        message += ", and fail_fast never applies"
    linter.warn(linter.path, "nothing_critical", message, "leave out critical: false where a failure matters")


def _spoken(duration_ms: int) -> str:
    """Write a duration as authors do: 1h30m."""
    left, parts = duration_ms, []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


_CHECKS: tuple[Callable[[_Linter], None], ...] = (
    _constant_answers,
    _idle_conditions,
    _never_running,
    _references,
    _time_limits,
    _waits,
    _retries,
    _inputs,
    _nothing_critical,
)
#: Checks that need to know every course of events.
_BY_COURSE = frozenset({_never_running, _references})
