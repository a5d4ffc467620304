"""Reads the config of nodes that run another definition as a child execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.definitions.definition import PARENT_CLOSE_POLICIES, SubWorkflow
from orchestrator.documents.problems import Findings
from orchestrator.templates.references import is_template

SUB_WORKFLOW = "sub_workflow"
#: Checks the definition of a child that stands at a path of the document.
CheckChild = Callable[[dict[str, Any], str], None]


def read_sub_workflow(
    config: dict[str, Any], path: str, findings: Findings, check_child: CheckChild
) -> SubWorkflow:
    """Read the config of a node that has a child, noting what is wrong, in the child's definition too."""
    for name in ("wait", "parent_close_policy"):
        if isinstance(value := config.get(name), str) and is_template(value):
            message = f"'{path}.{name}' must be given as it is: no template can decide it"
            findings.add(f"{path}.{name}", "bad_value", message)
    if isinstance(workflow := config.get("workflow"), dict):
        check_child(workflow, f"{path}.workflow")
    # Values of a wrong kind are refused by the handler's own check.
    policy = config.get("parent_close_policy")
    return SubWorkflow(
        policy if policy in PARENT_CLOSE_POLICIES else PARENT_CLOSE_POLICIES[0], config.get("wait") is False
    )


def own_config(handler: str, config: dict[str, Any]) -> dict[str, Any]:
    """Leave the definition of a child out of a config: the templates in it are the child's own."""
    if handler != SUB_WORKFLOW or not isinstance(config.get("workflow"), dict):
        return config
    return {name: value for name, value in config.items() if name != "workflow"}
