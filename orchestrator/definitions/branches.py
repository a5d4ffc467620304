"""The branches of conditions, switches and waits, and the catch of any node: read, checked, and decided.

A branch names the successors that belong to one answer; a catch, the successor that takes over a failure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from headrace.wording import quoted
from orchestrator.definitions.definition import Catch, Choice, Node
from orchestrator.definitions.error_types import matches, read_patterns
from orchestrator.definitions.trigger_rules import EARLY_RULES, TriggerRule
from orchestrator.documents import exact_json
from orchestrator.documents.fields import Fields
from orchestrator.documents.problems import Findings
from orchestrator.errors import OutputRefused, Problem

CONDITION = "condition"
SWITCH = "switch"
WAIT_FOR_SIGNAL = "wait_for_signal"
APPROVAL = "approval"
#: The two branches of what has two answers: the config fields that name them, the usual answer first.
TWO_BRANCHES = {
    CONDITION: ("true_branch", "false_branch"),
    WAIT_FOR_SIGNAL: ("received_branch", "timeout_branch"),
}
MOST_CATCHES = 16


# Reading configs


def read_choices(handler: str, config: dict[str, Any], path: str, findings: Findings) -> tuple[Choice, ...]:
    """Give what the config of a deciding node names; each answer may have one id or a list of them."""
    found: list[Choice] = []
    if handler in TWO_BRANCHES:
        found = [_read(config.get(name), path, name, findings) for name in TWO_BRANCHES[handler]]
    elif handler == SWITCH:
        cases = config.get("cases")
        if isinstance(cases, dict):
            found = [_read(targets, path, f"cases.{case}", findings) for case, targets in cases.items()]
        found.append(_read(config.get("default"), path, "default", findings))
    return tuple(choice for choice in found if choice.targets)


def _read(raw: Any, path: str, name: str, findings: Findings) -> Choice:
    ids = [raw] if isinstance(raw, str) else raw
    if ids is None:
        return Choice(name, ())
    if not isinstance(ids, list) or not all(isinstance(node_id, str) for node_id in ids):
        where = f"{path}.config.{name}"
        # The handler's own check may have reported this already.
        if not any(problem.path.startswith(where) for problem in findings.problems):
            message = f"'{where}' must be a node id or a list of them, got {quoted(raw)}"
            findings.add(where, "wrong_type", message)
        return Choice(name, ())
    return Choice(name, tuple(dict.fromkeys(ids)))


def read_catch(raw: Any, path: str, findings: Findings) -> tuple[Catch, ...]:
    """Read a node's `catch`: a list of {errors, goto}."""
    if raw is None:
        return ()
    if not isinstance(raw, list) or not 0 < len(raw) <= MOST_CATCHES:
        found = f"a list of {len(raw)}" if isinstance(raw, list) else quoted(raw)
        message = f"'{path}' must be a list of 1 to {MOST_CATCHES} rules {{errors, goto}}, got {found}"
        findings.add(path, "wrong_type", message)
        return ()
    rules = [_read_rule(rule, f"{path}[{index}]", findings) for index, rule in enumerate(raw)]
    return tuple(rule for rule in rules if rule is not None)


def _read_rule(raw: Any, path: str, findings: Findings) -> Catch | None:
    if not isinstance(raw, dict):
        findings.add(path, "wrong_type", f"'{path}' must be an object {{errors, goto}}, got {quoted(raw)}")
        return None
    fields = Fields(raw, path, findings)
    fields.refuse_unknown(frozenset({"errors", "goto"}), ("errors", "goto"))
    goto = fields.identifier("goto", required=True)
    errors = raw.get("errors", ["*"])
    if not findings.is_stored:
        try:
            read_patterns(errors, least=1)
        except ValueError as problem:
            findings.add(f"{path}.errors", "bad_value", f"'{path}.errors': {problem}")
            return None
    return Catch(tuple(errors), goto) if goto else None


# Checking the graph


def check_branches(
    deciding: Sequence[tuple[Node, str]],
    dependencies: Mapping[str, Collection[str]],
    rules: Mapping[str, TriggerRule],
    findings: Findings,
    unsure: Collection[str] = (),
) -> dict[str, int]:
    """Check every id that belongs to an answer, and count for each node how many decisions name it.

    deciding  the nodes that have choices, each with its path in the document.
    unsure    nodes of which not all dependencies could be read.
    """
    gates: dict[str, int] = {}
    for node, path in deciding:
        for choice in node.choices:
            for target in choice.targets:
                what = f"{node.handler} {node.id!r}"
                if target not in unsure:
                    where = f"{path}.config.{choice.field}"
                    _check_target(where, what, node, target, dependencies, rules, findings)
        for index, rule in enumerate(node.catch):
            what = f"the catch of node {node.id!r}"
            where = f"{path}.catch[{index}].goto"
            if rule.goto not in unsure:
                _check_target(where, what, node, rule.goto, dependencies, rules, findings)
        for target in node.branches:
            gates[target] = gates.get(target, 0) + 1
        answered = {target for choice in node.choices for target in choice.targets}
        for target in sorted(answered.intersection(node.gotos)):
            message = (
                f"node {node.id!r} names {quoted(target)} in its config and in its catch, not in one only"
            )
            findings.add(f"{path}.catch", "in_both_branches", message, kind="graph")
        if node.handler not in TWO_BRANCHES:
            continue  # several cases of a switch may lead to the same node
        one, other = (node.branch(field) for field in TWO_BRANCHES[node.handler])
        for target in sorted(set(one).intersection(other)):
            message = (
                f"{node.handler} {node.id!r} names {quoted(target)} in both branches; it can be in one only"
            )
            findings.add(f"{path}.config", "in_both_branches", message, kind="graph")
    return gates


def _check_target(
    path: str,
    what: str,
    node: Node,
    target: str,
    dependencies: Mapping[str, Collection[str]],
    rules: Mapping[str, TriggerRule],
    findings: Findings,
) -> None:
    if target not in dependencies:
        hint = findings.did_you_mean(target, dependencies)
        message = f"{what} names {quoted(target)}, which is not in this workflow"
        findings.add(path, "unknown_branch", message, hint, kind="graph")
    elif node.id not in dependencies[target]:
        message = f"{what} names {target!r}, which does not depend on it directly"
        hint = f"add {node.id!r} to the dependencies of {target!r}"
        findings.add(path, "not_successor", message, hint, kind="graph")
    elif rules.get(target) in EARLY_RULES:
        message = (
            f"{target!r} has the trigger rule {rules[target].value!r}, which may run it before "
            f"{what} is settled; a node in a branch cannot have it"
        )
        findings.add(path, "early_rule", message, kind="graph")


# Deciding by an error


def taker_of(catch: Iterable[Catch], error_type: str) -> str:
    """Name the successor that takes over after an error of this type; "" when no rule is for it."""
    return next((rule.goto for rule in catch if matches(error_type, rule.errors)), "")


def catch_words(catch: Iterable[Catch]) -> str:
    """Write a catch in one word, as it is kept of a node: `ERROR>SUCCESSOR,…`; "" for none."""
    return ",".join(f"{error}>{rule.goto}" for rule in catch for error in rule.errors)


def read_catch_words(words: str) -> tuple[Catch, ...]:
    """Read what `catch_words` wrote, one rule for each error."""
    rules = (rule.partition(">") for rule in words.split(",") if rule)
    return tuple(Catch((error,), goto) for error, _, goto in rules)


# Deciding by an output


def not_taken_for(node: Node, output: Any) -> tuple[str, ...]:
    """Name the successors that a deciding node with this output does not take; () for every other node.

    The output is read as its handler writes it: {"result": bool} of a condition, {"case": name} of a switch,
    {"timed_out": true} or anything else of a wait. Raises OutputRefused where it names no branch.
    """
    if node.handler == CONDITION:
        result = output.get("result") if isinstance(output, dict) else None
        if not isinstance(result, bool):
            raise _refused(node, 'an object whose "result" is true or false', output)
        return _others(node, "true_branch" if result else "false_branch")
    if node.handler == SWITCH:
        case = output.get("case") if isinstance(output, dict) else None
        cases = node.config.get("cases")
        named = list(cases) if isinstance(cases, dict) else []
        if case in named:
            return _others(node, f"cases.{case}")
        if case != "default" or node.config.get("default") is None:
            words = named + ["default"] * (node.config.get("default") is not None)
            raise _refused(node, f'an object whose "case" is one of {", ".join(map(quoted, words))}', output)
        return _others(node, "default")
    if node.handler == WAIT_FOR_SIGNAL and node.choices:
        is_late = isinstance(output, dict) and output.get("timed_out") is True
        return _others(node, "timeout_branch" if is_late else "received_branch")
    return ()


def _others(node: Node, taken: str) -> tuple[str, ...]:
    return targets_not_taken(node.branch(taken), [choice.targets for choice in node.choices])


def targets_not_taken(taken: Collection[str], branches: Iterable[Collection[str]]) -> tuple[str, ...]:
    """Name the targets of all branches, each once, that the branch taken does not have too."""
    others = (target for targets in branches for target in targets if target not in taken)
    return tuple(dict.fromkeys(others))


def _written(output: Any) -> str:
    text = exact_json.dumps(output).decode()
    return text if len(text) <= 140 else text[:140] + "…"


def _refused(node: Node, wanted: str, output: Any) -> OutputRefused:
    message = f"the output of {node.handler} {node.id!r} must be {wanted}, got {_written(output)}"
    return OutputRefused([Problem("output", "no_branch", message)])
