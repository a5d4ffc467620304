"""Which branches an output leaves aside, where somebody gives it in the handler's place. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.branches import CONDITION, SWITCH, WAIT_FOR_SIGNAL
from orchestrator.definition import Node
from orchestrator.errors import Problem
from orchestrator.findings import shown
from orchestrator.intervention_errors import OutputRefused


def left_aside(node: Node, output: Any) -> tuple[str, ...]:
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
            raise _refused(node, f'an object whose "case" is one of {", ".join(map(shown, words))}', output)
        return _others(node, "default")
    if node.handler == WAIT_FOR_SIGNAL and node.choices:
        is_late = isinstance(output, dict) and output.get("timed_out") is True
        return _others(node, "timeout_branch" if is_late else "received_branch")
    return ()


def _others(node: Node, taken: str) -> tuple[str, ...]:
    kept = node.branch(taken)
    others = (target for choice in node.choices for target in choice.targets if target not in kept)
    return tuple(dict.fromkeys(others))


def _written(output: Any) -> str:
    text = orjson.dumps(output).decode()
    return text if len(text) <= 140 else text[:140] + "…"


def _refused(node: Node, wanted: str, output: Any) -> OutputRefused:
    message = f"the output of {node.handler} {node.id!r} must be {wanted}, got {_written(output)}"
    return OutputRefused([Problem("output", "no_branch", message)])
