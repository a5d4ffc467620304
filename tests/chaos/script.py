"""What the nodes of the workload are bound to come to, read from their configs, for the interpreter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.chaos.nested_workload import child_of
from tests.interpreter import Result
from tests.interpreting_tries import end_of_tries

#: The type of the error that a crash ends in.
_CRASHES = {"exit": "HandlerCrashed", "signal": "HandlerCrashed", "hang": "Timeout.StartToClose"}


@dataclass(frozen=True, slots=True)
class Script:
    """A document of the workload, as the interpreter takes it."""

    document: dict[str, Any]

    def outcome(self, of: dict[str, Any]) -> Result:
        return outcome_of(of)


def outcome_of(node: dict[str, Any]) -> Result:
    """Give what a node comes to when it runs."""
    config = node.get("config", {})
    if node["handler"] == "condition":
        taken = config["expression"] == "true"
        return "branch", tuple(config["false_branch" if taken else "true_branch"])
    if node["handler"] == "switch":
        answers = {**config["cases"], "": config["default"]}
        taken = config["value"] if config["value"] in config["cases"] else ""
        return "branch", tuple(name for case, names in answers.items() if case != taken for name in names)
    if "map" in node:
        return "items", tuple(_of_unit(node, item) for item in node["map"]["items"])
    return _of_unit(node, None)


def _of_unit(node: dict[str, Any], item: Any) -> Result:
    config = node.get("config", {})
    if node["handler"] == "sub_workflow":
        return "child" if config.get("wait", True) else "detached", Script(child_of(node, item))
    crashes = [_CRASHES[how] for how in config.get("crashes", ())]
    failures = config.get("errors") or crashes or ["HandlerError"] * (item or config).get("fail_times", 0)
    word, _, _ = end_of_tries(
        {"retry": _timeless(node.get("retry") or {"max_attempts": 1})}, [*failures, "ok"]
    )
    return word


def _timeless(retry: Any) -> Any:
    """A retry policy without its waits."""
    if isinstance(retry, list):
        return [_timeless(rule) for rule in retry]
    return {name: value for name, value in retry.items() if name in ("errors", "max_attempts")}
