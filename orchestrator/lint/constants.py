"""Finds expressions of a definition that have the same answer whatever the data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson

from orchestrator.definitions.branches import CONDITION, SWITCH
from orchestrator.definitions.definition import Definition
from orchestrator.documents.json_types import is_true
from orchestrator.errors import TemplateError
from orchestrator.lint.budget import BUDGET, LintBudget
from orchestrator.lint.outcomes import KnownAnswers
from orchestrator.templates.budget import Budget
from orchestrator.templates.references import compile_expression, is_template
from orchestrator.templates.resolver import Scope, evaluate


def known_answers(definition: Definition, budget: LintBudget = BUDGET) -> KnownAnswers:
    """List what conditions, switches and `when` answer whatever the data.

    All expressions share one budget of processor time; what is left of them is not known.
    """
    answers, when = {}, {}
    constant = _Constants(budget.constants_cpu_s).value_of
    for node in definition.nodes:
        if node.when is not None:
            answer = constant(node.when)
            if answer is not None:
                when[node.id] = is_true(answer[0])
        if node.handler == CONDITION and "expression" in node.config:
            answer = constant(node.config["expression"])
            if answer is not None:
                answers[node.id] = "true_branch" if is_true(answer[0]) else "false_branch"
        if node.handler == SWITCH:
            case = _constant_case(node.config)
            if case is not None:
                answers[node.id] = case
    return KnownAnswers(answers, when)


def _constant_case(config: Mapping[str, Any]) -> str | None:
    """Name the field of the case a switch always takes; '' for none, None when its value is not known."""
    value, cases = config.get("value"), config.get("cases")
    if not isinstance(cases, dict) or isinstance(value, dict | list) or is_template("".join(cases)):
        return None
    if isinstance(value, str) and is_template(value):
        return None
    name = value if isinstance(value, str) else orjson.dumps(value).decode()
    if name in cases:
        return f"cases.{name}"
    return "default" if config.get("default") is not None else ""


class _Constants:
    """Evaluates expressions that read nothing, as long as there is time left."""

    def __init__(self, cpu_s: float) -> None:
        self.left_s = cpu_s

    def value_of(self, expression: Any) -> tuple[Any] | None:
        """Evaluate one; None when it reads something, cannot be evaluated, or the time is used up."""
        if not isinstance(expression, str):
            return (expression,)
        template = compile_expression(expression)
        if template.names or template.steps or "now" in expression or self.left_s <= 0:
            return None
        budget = Budget(cpu_s=self.left_s)
        began_s = time.thread_time()
        try:
            return (evaluate(expression, Scope(), node_id="", budget=budget),)
        except TemplateError:
            return None
        finally:
            self.left_s -= time.thread_time() - began_s
