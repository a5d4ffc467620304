"""Check what conditions name in their branches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from orchestrator.definition import Node
from orchestrator.findings import Findings, shown
from orchestrator.rules import EARLY_RULES, TriggerRule

CONDITION = "condition"


def read_branches(
    config: dict[str, Any], path: str, findings: Findings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the ids in true_branch and false_branch of a condition's config; each may be one id or a list."""
    return _read(config, path, "true_branch", findings), _read(config, path, "false_branch", findings)


def _read(config: dict[str, Any], path: str, name: str, findings: Findings) -> tuple[str, ...]:
    raw = config.get(name)
    ids = [raw] if isinstance(raw, str) else raw
    if ids is None:
        return ()
    if not isinstance(ids, list) or not all(isinstance(node_id, str) for node_id in ids):
        where = f"{path}.config.{name}"
        message = f"'{where}' must be a node id or a list of them, got {shown(raw)}"
        findings.add(where, "wrong_type", message)
        return ()
    return tuple(dict.fromkeys(ids))


def check_branches(
    conditions: Sequence[tuple[Node, str]],
    dependencies: Mapping[str, Collection[str]],
    rules: Mapping[str, TriggerRule],
    findings: Findings,
) -> dict[str, int]:
    """Check every id named in a branch, and count for each node how many conditions name it.

    conditions  those that have branches, each with its path in the document.
    """
    gates: dict[str, int] = {}
    for node, path in conditions:
        for name, branch in (("true_branch", node.true_branch), ("false_branch", node.false_branch)):
            for target in branch:
                _check_target(f"{path}.config.{name}", node, target, dependencies, rules, findings)
        for target in dict.fromkeys(node.branches):
            gates[target] = gates.get(target, 0) + 1
        for target in sorted(set(node.true_branch).intersection(node.false_branch)):
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
        message = f"condition {node.id!r} names {shown(target)}, which is not in this workflow"
        hint = f"did you mean {close!r}?" if close else None
        findings.add(path, "unknown_branch", message, hint, kind="graph")
    elif node.id not in dependencies[target]:
        message = f"condition {node.id!r} names {target!r}, which does not depend on it directly"
        hint = f"add {node.id!r} to the dependencies of {target!r}"
        findings.add(path, "not_successor", message, hint, kind="graph")
    elif rules.get(target) in EARLY_RULES:
        message = (
            f"{target!r} has the trigger rule {rules[target].value!r}, which may run it before condition "
            f"{node.id!r} is done; a node in a branch cannot have it"
        )
        findings.add(path, "early_rule", message, kind="graph")
