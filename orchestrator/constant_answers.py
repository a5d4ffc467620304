"""Work out which expressions of a definition have the same answer whatever the data."""

from __future__ import annotations

from typing import Any

from orchestrator.branches import CONDITION
from orchestrator.definition import Definition
from orchestrator.errors import TemplateError
from orchestrator.reachability import Given
from orchestrator.references import compile_expression
from orchestrator.templating import Scope, evaluate


def given_of(definition: Definition) -> Given:
    """Work out what conditions and `when` answer whatever the data."""
    answers, when = {}, {}
    for node in definition.nodes:
        if node.when is not None:
            answer = _constant(node.when)
            if answer is not None:
                when[node.id] = bool(answer[0])
        if node.handler == CONDITION and "expression" in node.config:
            answer = _constant(node.config["expression"])
            # Text is left out: which words mean no is the handler's to say.
            if answer is not None and not isinstance(answer[0], str):
                answers[node.id] = bool(answer[0])
    return Given(answers, when)


def _constant(expression: Any) -> tuple[Any] | None:
    """Evaluate an expression that reads nothing; None when it reads something, or cannot be evaluated."""
    if not isinstance(expression, str):
        return (expression,)
    template = compile_expression(expression)
    if template.names or template.steps or "now" in expression:
        return None
    try:
        return (evaluate(expression, Scope(), node_id=""),)
    except TemplateError:
        return None
