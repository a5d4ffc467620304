"""The last words of a stream: what an execution came to, read when its history says that it has ended."""

from __future__ import annotations

from typing import Any

from api.dialects.workflow_server.handlers import end_of, last_event
from api.dialects.workflow_server.rendering import Envelope, cancelled_envelope
from api.schemas.events import TERMINAL_TYPES
from orchestrator.engine import TenantEngine
from orchestrator.errors import ExecutionNotFound


class Ends:
    """Envelopes of the ends of one execution, by the numbers of their events.

    A retry puts more behind an end: what is no longer the last of the history is no end, and has none.
    """

    def __init__(self, engine: TenantEngine) -> None:
        self.found: dict[int, Envelope] = {}
        self._engine = engine

    async def look_up(self, event: dict[str, Any]) -> None:
        """Read the end that an event speaks of. Raises HeadraceError where that cannot be read."""
        if event["type"] not in TERMINAL_TYPES:
            return
        try:
            found = await self._read(event)
        except ExecutionNotFound:
            # Cancelled and removed in one request: nothing of it is there to be read.
            found = cancelled_envelope() if event["type"] == "execution.cancelled" else None
        if found is not None:
            self.found[event["seq"]] = found

    async def _read(self, event: dict[str, Any]) -> Envelope | None:
        execution_id = event["execution_id"]
        last = await self._engine.events.last_seq(execution_id)
        execution, definition = await self._engine.executions.brief(execution_id)
        if not execution.status.is_terminal or last != event["seq"]:
            return None
        return last_event(execution, definition, await end_of(self._engine, execution))
