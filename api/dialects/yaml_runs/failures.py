"""Why a run has failed, read when its history says that it has ended."""

from __future__ import annotations

from typing import Any

from orchestrator.engine import TenantEngine
from orchestrator.errors import ExecutionNotFound


class Failures:
    """What made one run fail, by the number of the event that says that it has.

    A retry puts more behind an end: of one that is no longer the last of the history nothing is read.
    """

    def __init__(self, engine: TenantEngine) -> None:
        self.found: dict[int, str] = {}
        self._engine = engine

    async def look_up(self, event: dict[str, Any]) -> None:
        """Read why the run has ended of which an event speaks. Raises HeadraceError where it cannot."""
        if event["type"] not in ("execution.failed", "execution.cancelled"):
            return
        try:
            view = await self._engine.executions.get(event["execution_id"])
            last = await self._engine.events.last_seq(event["execution_id"])
        except ExecutionNotFound:
            return
        if view.failure is not None and last == event["seq"]:
            self.found[event["seq"]] = view.failure.message
