"""What one claim asks for: decoded, asked for whether it is wanted, its templates resolved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from headrace import Completed, Terminal
from orchestrator.definitions.branches import CONDITION
from orchestrator.definitions.ends import reads_outputs
from orchestrator.definitions.sub_workflows import SUB_WORKFLOW
from orchestrator.documents import exact_json
from orchestrator.documents.json_types import is_true
from orchestrator.errors import ErrorType
from orchestrator.states import Reason
from orchestrator.store.replies import Claim
from orchestrator.templates.budget import Budget
from orchestrator.templates.references import references
from orchestrator.templates.resolver import Scope, evaluate, resolve
from workers.runtime.map_items import Mapped, list_items


@dataclass(frozen=True, slots=True)
class ConditionFalse:
    """The node's `when` was false: it is skipped without a handler call."""

    reason: Reason = Reason.CONDITION_FALSE


@dataclass(frozen=True, slots=True)
class Work:
    """What one claim asks for, decoded.

    index   of the item of a map; None for a node.
    resume  what the node waited for, when it runs again to use it; None otherwise.
    """

    claim: Claim
    spec: Mapping[str, Any]
    inputs: Mapping[str, Any]
    index: int | None
    resume: Any
    now_ms: int

    @property
    def is_map(self) -> bool:
        """Whether this is a mapped node itself, rather than one of its items."""
        return "map" in self.spec and self.index is None


def items_of(work: Work, scope: Scope, max_bytes: int, budget: Budget) -> Mapped | Completed | ConditionFalse:
    """List the items of a mapped node, unless it is not wanted."""
    if not _is_wanted(work, scope, budget):
        return ConditionFalse()
    return list_items(work.spec, scope, node_id=work.claim.node_id, max_bytes=max_bytes, budget=budget)


def config_of(work: Work, scope: Scope, budget: Budget) -> Mapping[str, Any] | None:
    """Give the config with its templates resolved; None where the node is not wanted."""
    return _resolved(work, scope, budget) if _is_wanted(work, scope, budget) else None


def _is_wanted(work: Work, scope: Scope, budget: Budget) -> bool:
    """Evaluate `when`, once for each node: items of a map and nodes that resume have passed it before."""
    when = work.spec["when"]
    if when is None or work.index is not None or work.claim.resume:
        return True
    return is_true(evaluate(when, scope, node_id=work.claim.node_id, path="when", budget=budget))


def _resolved(work: Work, scope: Scope, budget: Budget) -> Mapping[str, Any]:
    """Resolve every template in the config. A condition's expression is evaluated rather than rendered."""
    config: dict[str, Any] = work.spec["config"]
    handler, node_id = work.spec["handler"], work.claim.node_id
    is_condition = handler == CONDITION and isinstance(config.get("expression"), str)
    # The templates in the definition of a child are the child's own.
    is_nested = handler == SUB_WORKFLOW and isinstance(config.get("workflow"), dict)
    apart = ("expression",) if is_condition else ("workflow",) if is_nested else ()
    resolved: dict[str, Any] = resolve(config, scope, node_id=node_id, skip=apart, budget=budget)
    if is_condition:
        expression = config["expression"]
        resolved["expression"] = evaluate(
            expression, scope, node_id=node_id, path="config.expression", budget=budget
        )
    return resolved


def refuse_secrets(config: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Raise Terminal where a config asks for a secret in a field that may hold none.

    Submission refuses that too, but not before a worker has told which fields may.
    """
    _, problems = references(dict(config), None, ids=(), secrets=allowed)
    for problem in problems:
        if problem.code == "secret_not_allowed":
            raise Terminal(f"{problem.path}: {problem.message}", type=ErrorType.CONFIG_ERROR)


def outputs_of(work: Work) -> Mapping[str, Any]:
    """Give the outputs that the node reads without naming them; what has none is left out."""
    if not reads_outputs(work.spec["handler"], work.spec["config"]):
        return {}
    return {node_id: exact_json.loads(output) for node_id, _, output in work.claim.references if output}


def item_names(work: Work) -> Mapping[str, Any]:
    """Give the names an item of a map has for itself: its value and its index."""
    if work.index is None:
        return {}
    return {work.spec["map"]["item_name"]: exact_json.loads(work.claim.value), "index": work.index}
