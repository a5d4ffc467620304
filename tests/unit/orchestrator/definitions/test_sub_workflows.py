"""Nodes that run another definition as a child execution."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.definition import SubWorkflow
from orchestrator.definitions.sub_workflows import own_config, read_sub_workflow
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings


def read(config: dict[str, Any]) -> tuple[SubWorkflow, list[str], list[str]]:
    """What is read, the paths of problems, and the paths of child definitions that were checked."""
    findings, checked = Findings(Limits()), []
    found = read_sub_workflow(config, "config", findings, lambda child, path: checked.append(path))
    return found, [problem.path for problem in findings.problems], checked


def test_a_child_is_waited_for_and_cancelled_unless_its_parent_says_otherwise() -> None:
    assert read({})[0] == SubWorkflow("request_cancel", is_detached=False)
    assert read({"wait": False, "parent_close_policy": "abandon"})[0] == SubWorkflow("abandon", True)


def test_the_definition_of_the_child_is_checked_in_place() -> None:
    assert read({"workflow": {"name": "child"}})[2] == ["config.workflow"]
    assert read({"workflow": "by name"})[2] == []


def test_no_template_decides_whether_a_child_is_waited_for() -> None:
    config = {"wait": "{{ inputs.wait }}", "parent_close_policy": "{{ inputs.policy }}"}

    assert read(config)[1] == ["config.wait", "config.parent_close_policy"]


def test_templates_of_the_child_are_not_those_of_its_parent() -> None:
    config = {"workflow": {"nodes": []}, "inputs": {"a": "{{ A }}"}}

    assert own_config("sub_workflow", config) == {"inputs": {"a": "{{ A }}"}}
    assert own_config("noop", config) is config
