"""`engine.advice`: what is likely a mistake in what was taken; it refuses nothing and fails no change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from orchestrator.definitions.definition import Definition
from orchestrator.definitions.unknown_inputs import unknown_inputs
from orchestrator.documents.problems import Findings
from orchestrator.errors import HeadraceError, Problem, WorkflowNotFound
from orchestrator.lint.configured import not_configured
from orchestrator.lint.context import Places
from orchestrator.lint.starts import (
    Known,
    Missing,
    Named,
    known_beside,
    misfits,
    names_in,
    odd_step,
    of_schedules,
    of_triggers,
    without_inputs,
)
from orchestrator.operations.registered import Registered
from orchestrator.operations.results import ScheduleChange, WorkflowChange
from orchestrator.operations.submissions import Submissions
from orchestrator.operations.webhook_results import WebhookView

#: Workflows that one definition starts and that are looked up.
MOST_LOOKED_UP = 100


class Advice:
    """What one tenant is advised of."""

    def __init__(self, submissions: Submissions, registered: Registered, tenant: str) -> None:
        self._submissions = submissions
        self._registered = registered
        self._tenant = tenant

    async def of_definition(self, definition: Definition, beside: Sequence[Any] = ()) -> list[Problem]:
        """Compare a definition with the workflows that it starts, and with what starts it.

        beside  definitions that will be registered with it, as they are or still unchecked.
        """
        own = known_beside([*beside, definition.source])
        known: Known = {**await self._looked_up(definition, without=own.keys()), **own}
        return await asyncio.to_thread(self._found, definition, known)

    async def of_workflow(self, done: WorkflowChange) -> list[Problem]:
        """Advise of a workflow that was registered, or would be; of secrets and URLs no worker has, too."""
        try:
            definition = done.definition or (await self._registered.compiled(done.record)).definition
            places = Places(definition, Findings(self._submissions.limits))
            configured = await self._submissions.configured(self._tenant)
            if configured is not None:
                for path, code, message, hint in not_configured(places, configured):
                    places.warn(path, code, message, hint)
            return [*places.findings.problems, *await self.of_definition(definition)]
        except HeadraceError:
            return []  # it is registered, whatever can be said of it

    async def of_schedule(self, done: ScheduleChange) -> list[Problem]:
        """Advise of a schedule that was added or changed."""
        spec = done.record.spec
        odd = [odd_step(each) for each in spec.cron.oddities] if spec.cron else []
        try:
            definition = (await self._registered.compiled(done.workflow)).definition
        except HeadraceError:
            return odd
        return [*odd, *unknown_inputs(definition.source, spec.inputs)]

    async def of_webhook(self, view: WebhookView) -> list[Problem]:
        """Advise of a webhook that was made or changed."""
        hook = view.record
        if hook.inputs != "none":
            return []
        try:
            record = await self._registered.find(hook.tenant, hook.workflow_id)
            schema = (await self._registered.compiled(record)).definition.inputs_schema
        except HeadraceError:
            return []
        problem = await asyncio.to_thread(without_inputs, schema, "webhook", "inputs")
        return [] if problem is None else [problem]

    def _found(self, definition: Definition, known: Known) -> list[Problem]:
        findings = Findings(self._submissions.limits)
        for problem in (
            *misfits(definition.source, known),
            *of_schedules(definition),
            *of_triggers(definition.inputs_schema, definition.triggers),
        ):
            findings.take(problem)
        return findings.problems

    async def _looked_up(self, definition: Definition, *, without: Any) -> dict[Named, Any]:
        """Look up the registered workflows that a definition starts."""
        names = [each for each in names_in(definition.source) if each not in without]
        found: dict[Named, Any] = {}
        for name, version in names[:MOST_LOOKED_UP]:
            try:
                record = await self._registered.find(self._tenant, name)
            except WorkflowNotFound as error:
                found[name, version] = Missing(error.hint)
                continue
            try:
                compiled = await self._registered.compiled(record, version)
                found[name, version] = compiled.definition.source
            except WorkflowNotFound:
                found[name, version] = Missing(newest=record.version)
        return found
