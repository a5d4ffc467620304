"""Registers the workflows that handlers bring, so that others know them without the code of the handlers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.definitions.compiler import content_hash
from orchestrator.definitions.registry import Source, brought, name_of
from orchestrator.documents import exact_json
from orchestrator.documents.limits import Limits
from orchestrator.errors import HeadraceError, Problem, ProblemsFound
from orchestrator.operations.owner import Owner
from orchestrator.operations.registered import Registered
from orchestrator.operations.submissions import Submissions
from orchestrator.operations.workflow_files import in_words_of
from orchestrator.operations.workflows import Workflows
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.store.reader import Store
from orchestrator.store.script_client import retry_while_unavailable
from orchestrator.store.transitions import Transitions
from workers.cards import HandlerCard
from workers.handlers import Catalogue

log = logging.getLogger("headrace.workflows")


class BroughtWorkflows:
    """The workflows of the handlers that a worker has loaded, in the registry of the tenant `default`.

    Nothing is built before a handler brings one.
    """

    def __init__(self, store: Store, transitions: Transitions, *, limits: Limits) -> None:
        self._store, self._transitions, self._limits = store, transitions, limits
        #: By name, why each is not registered; "" where it is.
        self.refusals: Mapping[str, str] = {}

    @property
    def are_refused(self) -> bool:
        """Whether one of them could not be registered."""
        return any(self.refusals.values())

    async def register(self, cards: Iterable[HandlerCard]) -> bool:
        """Register what the handlers bring; gives whether anything has become of it since the last time.

        One that was read before changes nothing, whatever has become of its workflow since; a refused one is
        one line of the log. While the store cannot be reached, a workflow is tried again.
        """
        bringing = [
            card for card in {card.name: card for card in cards}.values() if card.workflow is not None
        ]
        before, found = self.refusals, dict[str, str]()
        if bringing:
            workflows = self._workflows()
            for card in bringing:
                name, refusal = await self._register(workflows, card)
                found[name] = found.get(name) or refusal
                if refusal and refusal != before.get(name):
                    log.error(
                        "workflow.refused",
                        extra={"workflow": name, "handler": card.name, "error": refusal},
                    )
        self.refusals = found
        return found != before

    def _workflows(self) -> Workflows:
        # Made for each load: what it knows of live workers is then never older than the handlers.
        submissions = Submissions(self._store, self._transitions, catalogue=Catalogue, limits=self._limits)
        owner = Owner(self._store, DEFAULT_TENANT)
        return Workflows(self._store, self._transitions, submissions, Registered(self._store), owner)

    async def _register(self, workflows: Workflows, card: HandlerCard) -> tuple[str, str]:
        """Register what one handler brings; gives its name, and why it was refused or ""."""
        document = dict(card.workflow or {})
        title = document.get("name")
        shown = title if isinstance(title, str) and title else card.name
        try:
            await self._put(workflows, name_of(shown), document, card.name)
        except HeadraceError as error:
            return shown, f"handler {card.name!r}: {in_words_of(error)}"
        return shown, ""

    async def _put(self, workflows: Workflows, name: str, document: dict[str, Any], handler: str) -> None:
        if not name:
            message = "'name' must have letters of ASCII or digits to make the name of a workflow of"
            raise ProblemsFound([Problem("name", "bad_value", message)])
        text = exact_json.dumps(document)
        source = Source(text, "application/json")
        file = brought(handler, content_hash(document))
        done = await retry_while_unavailable(lambda: workflows.put(name, document, source, file=file))
        if done.outcome != "unchanged":
            fields = {"workflow": name, "handler": handler, "outcome": done.outcome}
            log.info("workflow.registered", extra=fields)
