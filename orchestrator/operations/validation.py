"""Judge a definition without storing it: everything that is wrong with it, and what cannot be meant."""

from __future__ import annotations

import asyncio
from typing import Any

from orchestrator.definitions.definition import Definition
from orchestrator.definitions.graph import topological_order
from orchestrator.errors import DefinitionInvalid
from orchestrator.lint.lint import lint
from orchestrator.operations.results import Summary, Validation
from orchestrator.operations.submissions import Submissions


async def validate(submissions: Submissions, document: Any) -> Validation:
    """Check a document as a submission would; where that finds nothing wrong, look for warnings."""
    try:
        definition = (await submissions.compile(document, None)).definition
    except DefinitionInvalid as error:
        return Validation(tuple(error.problems), (), None)
    # In a thread: the largest definitions take seconds, and this process serves others meanwhile.
    warnings = await asyncio.to_thread(lint, definition, submissions.limits)
    return Validation((), tuple(warnings), summarise(definition))


def summarise(definition: Definition) -> Summary:
    """Measure a definition."""
    dependencies = {node.id: node.dependencies for node in definition.nodes}
    depths: dict[str, int] = {}
    for node_id in topological_order(dependencies, definition.successors):
        depths[node_id] = 1 + max((depths[name] for name in dependencies[node_id]), default=0)
    return Summary(
        name=definition.name,
        version=definition.version,
        nodes=len(definition.nodes),
        edges=sum(len(needed) for needed in dependencies.values()),
        depth=max(depths.values(), default=0),
    )
