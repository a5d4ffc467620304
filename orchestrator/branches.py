"""Check what conditions and switches name in their branches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from orchestrator.definition import Choice, Node
from orchestrator.findings import Findings, shown
from orchestrator.rules import EARLY_RULES, TriggerRule

CONDITION = "condition"
SWITCH = "switch"


def read_choices(handler: str, config: dict[str, Any], path: str, findings: Findings) -> tuple[Choice, ...]:
    """Give what a condition's or switch's config names; each answer may have one id or a list of them."""
    found: list[Choice] = []
    if handler == CONDITION:
        found = [_read(config.get(name), path, name, findings) for name in ("true_branch", "false_branch")]
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
        message = f"'{where}' must be a node id or a list of them, got {shown(raw)}"
        findings.add(where, "wrong_type", message)
        return Choice(name, ())
    return Choice(name, tuple(dict.fromkeys(ids)))


def check_branches(
    deciding: Sequence[tuple[Node, str]],
    dependencies: Mapping[str, Collection[str]],
    rules: Mapping[str, TriggerRule],
    findings: Findings,
) -> dict[str, int]:
    """Check every id that belongs to an answer, and count for each node how many decisions name it.

    deciding  the nodes that have choices, each with its path in the document.
    """
    gates: dict[str, int] = {}
    for node, path in deciding:
        for choice in node.choices:
            for target in choice.targets:
                _check_target(f"{path}.config.{choice.field}", node, target, dependencies, rules, findings)
        for target in node.branches:
            gates[target] = gates.get(target, 0) + 1
        if node.handler != CONDITION:
            continue  # several cases of a switch may lead to the same node
        for target in sorted(set(node.branch("true_branch")).intersection(node.branch("false_branch"))):
            message = f"condition {node.id!r} names {shown(target)} in both branches; it can be in one only"
            findings.add(f"{path}.config", "in_both_branches", message, kind="graph")
    return gates


def _check_target(
    path: str,
    node: Node,
    target: str,
    dependencies: Mapping[str, Collection[str]],
    rules: Mapping[str, TriggerRule],
    findings: Findings,
) -> None:
    if target not in dependencies:
        close = findings.close_to(target, dependencies)
        message = f"{node.handler} {node.id!r} names {shown(target)}, which is not in this workflow"
        hint = f"did you mean {close!r}?" if close else None
        findings.add(path, "unknown_branch", message, hint, kind="graph")
    elif node.id not in dependencies[target]:
        message = f"{node.handler} {node.id!r} names {target!r}, which does not depend on it directly"
        hint = f"add {node.id!r} to the dependencies of {target!r}"
        findings.add(path, "not_successor", message, hint, kind="graph")
    elif rules.get(target) in EARLY_RULES:
        message = (
            f"{target!r} has the trigger rule {rules[target].value!r}, which may run it before "
            f"{node.handler} {node.id!r} is done; a node in a branch cannot have it"
        )
        findings.add(path, "early_rule", message, kind="graph")
