"""Warn of an `output` that reads what may not be there although the execution completes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from orchestrator.definition import OUTPUT, Definition, Node
from orchestrator.graph import successors_of
from orchestrator.lint_references import missing_references
from orchestrator.linter import Linter
from orchestrator.outcomes import Given
from orchestrator.reachability import Reachability
from orchestrator.rules import TriggerRule
from orchestrator.template_uses import uses_of

#: It depends on everything, and a search through more would take too long.
MOST_NODES = 100


def missing_in_output(linter: Linter, expected: Given) -> Iterator[tuple[str, str, str, str | None]]:
    """Give path, code, message and hint for what the output reads without default() and may lack."""
    definition, last = linter.definition, linter.definition.output_node
    if last is None or len(definition.nodes) > MOST_NODES:
        return
    uses = {**linter.uses, OUTPUT: list(uses_of(last))}
    if not any(use.root in definition.by_id for use in uses[OUTPUT]):
        return
    whole = _with_output(definition, last)
    watched = linter.watched | {use.root for use in uses[OUTPUT]}.intersection(definition.by_id)
    reach = Reachability(whole, linter.given, watched=watched)
    for node, path, code, message, hint in missing_references(whole, uses, reach, expected):
        if node.id == OUTPUT:
            yield path.removeprefix("config."), code, message.replace(f"'{OUTPUT}'", "'output'"), hint


def _with_output(definition: Definition, last: Node) -> Definition:
    """Take the output for a node that runs once all that matters to it has ended and nothing has failed."""
    needed = tuple(node.id for node in definition.nodes if node.critical or node.id in last.references)
    node = replace(last, dependencies=needed, trigger_rule=TriggerRule.NONE_FAILED)
    nodes = (*definition.nodes, node)
    return replace(
        definition,
        nodes=nodes,
        by_id={each.id: each for each in nodes},
        successors=successors_of({each.id: each.dependencies for each in nodes}),
    )
