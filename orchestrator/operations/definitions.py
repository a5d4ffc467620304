"""`engine.definitions`: check a definition without storing it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from orchestrator.definitions.definition import Definition
from orchestrator.definitions.graph import topological_order
from orchestrator.errors import DefinitionInvalid
from orchestrator.lint.lint import lint
from orchestrator.operations.advice import Advice
from orchestrator.operations.registrations import check_schedules
from orchestrator.operations.results import Summary, Validation
from orchestrator.operations.submissions import Submissions
from orchestrator.operations.turns import LONG_BYTES


class Definitions:
    """The definitions that may be submitted."""

    def __init__(self, submissions: Submissions, advice: Advice, tenant: str) -> None:
        self._submissions = submissions
        self._advice = advice
        self._tenant = tenant

    async def validate(self, document: Any, beside: Sequence[Any] = ()) -> Validation:
        """Check a definition as a registration would; one without problems is searched for likely mistakes.

        So it is for names of secrets and URLs that no live worker has, and for workflows that it starts.
        beside  definitions that are going to be registered with it.
        """
        try:
            compiled = await self._submissions.compile(document, None)
            await check_schedules(self._submissions.checks, compiled.definition)
        except DefinitionInvalid as error:
            return Validation(tuple(error.problems), (), None)
        definition = compiled.definition
        # In a thread: the largest definitions take seconds, and this process serves others meanwhile. Those
        # take turns; a small one does not wait behind them.
        configured = await self._submissions.configured(self._tenant)
        search = partial(lint, definition, self._submissions.limits, configured=configured)
        is_large = len(compiled.text) > LONG_BYTES
        warnings = await (self._submissions.turns.take(search) if is_large else asyncio.to_thread(search))
        advice = await self._advice.of_definition(definition, beside)
        return Validation((), (*warnings, *advice), summarise(definition))

    async def handler_names(self) -> frozenset[str]:
        """Name the handlers a definition may use now: built in, or offered by a live worker."""
        return await self._submissions.handler_names()


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
