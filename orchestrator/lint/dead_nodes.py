"""Warns of nodes that can never run, and of conditions and switches whose answer is constant."""

from __future__ import annotations

from orchestrator.definitions.branches import CONDITION
from orchestrator.definitions.definition import Node
from orchestrator.definitions.trigger_rules import DEFAULT_RULE, TriggerRule
from orchestrator.documents.problems import joined
from orchestrator.lint.context import Linter
from orchestrator.lint.reachability import Reachability

#: Rules under which every dependency must succeed, and those under which one must.
ALL_OF_THEM = frozenset({TriggerRule.ALL_SUCCESS})
ONE_OF_THEM = frozenset(
    {
        TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
        TriggerRule.ONE_SUCCESS,
    }
)


def constant_answers(linter: Linter) -> None:
    for node in linter.definition.nodes:
        is_true = linter.known.when.get(node.id)
        if is_true is not None:
            message = f"'when' of {node.id!r} is always {'true' if is_true else 'false'}: "
            message += "it can be left out" if is_true else "the node never runs"
            linter.warn(linter.at(node, "when"), "when_always_true" if is_true else "never_runs", message)
        if node.id in linter.known.answers:
            _constant_answer(linter, node, linter.known.answers[node.id])


def _constant_answer(linter: Linter, node: Node, answer: str) -> None:
    if node.handler == CONDITION:
        effect, field = f"is always {answer.removesuffix('_branch')}", "config.expression"
    elif answer:
        effect, field = f"always takes {answer.replace('cases.', 'case ')}", "config.value"
    else:
        message = f"switch {node.id!r} always fails: it has no case for its value, and no default"
        linter.warn(linter.at(node, "config.value"), "switch_never_decides", message, "add a default")
        return
    lost = [choice for choice in node.choices if choice.field != answer]
    for choice in lost:
        message = f"{node.handler} {node.id!r} {effect}, so its {choice.field} ({joined(choice.targets, 5)})"
        message += " is never taken"
        linter.warn(linter.at(node, f"config.{choice.field}"), "branch_never_taken", message)
    if not lost:
        linter.warn(linter.at(node, field), "constant_condition", f"{node.handler} {node.id!r} {effect}")


def idle_conditions(linter: Linter) -> None:
    read = {use.root for uses in linter.uses.values() for use in uses}
    for node in linter.definition.nodes:
        if node.handler == CONDITION and not node.branches and node.id not in read:
            message = (
                f"condition {node.id!r} decides nothing: it has no branches and nothing reads its result"
            )
            hint = "name direct successors in true_branch or false_branch"
            linter.warn(linter.at(node, "config"), "condition_without_branches", message, hint)


def never_running(linter: Linter) -> None:
    for node in linter.definition.nodes:
        if linter.reach.run_worlds[node.id]:
            continue
        code, why, hint = _why_never(linter, node)
        linter.warn(linter.at(node), code, f"{node.id!r} can never run: {why}", hint)


def _why_never(linter: Linter, node: Node) -> tuple[str, str, str | None]:
    """Name the nearest cause for which a node never runs: code, words and hint."""
    reach, rule = linter.reach, node.trigger_rule.value
    for name in node.dependencies:
        before = linter.definition.node(name)
        if node.id in before.gotos and not _may_take_over(reach, name, node.id):
            return "never_runs", f"it takes over from {name!r}, which {_why_unneeded(reach, before)}", None
        if node.id in before.branches and not reach.success(name, node.id):
            if reach.can_succeed(name, node.id):
                return "never_runs", f"it is on a branch that {before.handler} {name!r} never takes", None
            return "never_runs", f"{before.handler} {name!r} never completes", None
    idle = [name for name in node.dependencies if not reach.can_succeed(name, node.id)]
    if node.trigger_rule in ALL_OF_THEM | ONE_OF_THEM and idle:
        return "never_runs", f"{joined(idle, 5)} can never complete, and its trigger rule is {rule}", None
    worlds = [(name, reach.success(name, node.id)) for name in node.dependencies]
    most = linter.budget.compared_dependencies
    for place, (one, its) in enumerate(worlds[:most]):
        for other, theirs in worlds[place + 1 : most]:
            if node.trigger_rule in ALL_OF_THEM and not reach.is_possible(its & theirs):
                hint = f"trigger_rule {DEFAULT_RULE.value} runs it with what was taken"
                return "join_never_runs", _dispute(linter, one, other, its & theirs), hint
    if len(node.dependencies) > 1:
        return "join_never_runs", f"no outcome of its dependencies meets its trigger rule {rule}", None
    return "never_runs", f"no outcome of {node.dependencies[0]!r} meets its trigger rule {rule}", None


def _may_take_over(reach: Reachability, name: str, successor: str) -> bool:
    every, worlds = reach.outcomes[name].every, reach.worlds[name]
    return any(world and outcome.taker == successor for outcome, world in zip(every, worlds, strict=True))


def _why_unneeded(reach: Reachability, before: Node) -> str:
    if not reach.can_run(before.id):
        return "never runs"
    return "has an earlier rule in its catch that takes every error"


def _dispute(linter: Linter, one: str, other: str, world: int) -> str:
    cause = linter.reach.dispute(world)
    text = f"its dependencies {one!r} and {other!r} never complete both"
    if cause is None:
        return text
    if linter.definition.node(cause).choices:
        return f"{text}: they need different branches of {linter.definition.node(cause).handler} {cause!r}"
    return f"{text}: they need different outcomes of {cause!r}"
