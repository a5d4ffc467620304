"""Starts workflows when another execution has ended, as the targets of that end ask for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from orchestrator.definitions.definition import CatalogueMaker
from orchestrator.documents import exact_json
from orchestrator.documents.limits import Limits
from orchestrator.errors import HeadraceError, StoreUnavailable
from orchestrator.execution.deliveries import MOST_CHAINED, Answer, Delivery
from orchestrator.operations.origin import Origin
from orchestrator.operations.owner import KnownTenants, Owner
from orchestrator.operations.registered import Registered
from orchestrator.operations.submissions import Submissions, mint_execution_id
from orchestrator.operations.workflows import Workflows
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions


class ChainedStarts:
    """Starts an execution of a registered workflow of the same tenant, once for each delivery.

    The id of the execution is minted before the first attempt and kept with the delivery: an attempt that is
    made again finds what the one before has made.
    """

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        *,
        catalogue: CatalogueMaker,
        limits: Limits,
    ) -> None:
        self._store = store
        self._transitions = transitions
        self._submissions = Submissions(store, transitions, catalogue=catalogue, limits=limits)
        self._registered = Registered(store)
        self._known = KnownTenants()

    def content(self, delivery: Delivery, data: Mapping[str, Any]) -> bytes:
        """Mint the id of the execution, and write its trigger document."""
        trigger = {
            "source": "parent",
            "execution_id": delivery.execution_id,
            "type": delivery.event,
            "data": data,
        }
        return exact_json.dumps({"execution_id": mint_execution_id(), "trigger": trigger})

    async def send(self, delivery: Delivery, content: bytes, now_ms: int) -> Answer:
        """Start the execution, unless that was done before.

        Raises StoreUnavailable.
        """
        row = exact_json.loads(content)
        started_s = time.perf_counter()
        error = await self._start(delivery, row["execution_id"], row["trigger"])
        took_ms = round(1_000 * (time.perf_counter() - started_s))
        if error is not None:
            return Answer(took_ms, error=error, is_final=delivery.chain >= MOST_CHAINED)
        return Answer(took_ms, started=row["execution_id"])

    async def _start(self, delivery: Delivery, execution_id: str, trigger: dict[str, Any]) -> str | None:
        """Start it; gives why that cannot be."""
        if await self._store.status(execution_id) is not None:
            return None
        if delivery.chain >= MOST_CHAINED:
            return f"{MOST_CHAINED} executions were each started by the end of another; no more are"
        workflows = Workflows(
            self._store,
            self._transitions,
            self._submissions,
            self._registered,
            Owner(self._store, delivery.tenant, self._known),
        )
        inputs = delivery.target.inputs
        try:
            await workflows.start(
                delivery.target.workflow or "",
                inputs=None if inputs is None else dict(inputs),
                origin=Origin(
                    trigger=trigger,
                    execution_id=execution_id,
                    chain=delivery.chain + 1,
                    is_triggered=True,
                ),
            )
        except StoreUnavailable:
            raise
        except HeadraceError as error:
            return str(error)
        return None
