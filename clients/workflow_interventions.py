"""The part of the workflow client for those who run executions: start, cancel, pause, verbs on one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from clients.workflow_calls import KeyedCalls


class InterventionCalls(KeyedCalls):
    """Calls of operators. Each sends an Idempotency-Key; a caller who gives his own may repeat the call."""

    async def trigger(self, execution_id: str, *, inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Start a submitted execution; again is harmless, and answered with `already`."""
        return await self._ask(
            f"/v1/executions/{quote(execution_id, safe='')}/trigger", {"inputs": inputs}, None
        )

    async def cancel(
        self,
        execution_id: str,
        *,
        reason: str | None = None,
        grace: float | str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Cancel; what runs may still end within the grace (seconds, or `30s`), 30 s without one."""
        path = f"/v1/executions/{quote(execution_id, safe='')}/cancel"
        return await self._ask(path, {"reason": reason, "grace": grace}, idempotency_key)

    async def pause(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Start nothing more of an execution until it is resumed."""
        path = f"/v1/executions/{quote(execution_id, safe='')}/pause"
        return await self._ask(path, {"by": by, "reason": reason}, idempotency_key)

    async def resume(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        budget: Mapping[str, float] | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Go on with a paused execution.

        budget  {max_tokens, max_cost_usd} its calls may use from now on; what is left out stays as it is.
        """
        path = f"/v1/executions/{quote(execution_id, safe='')}/resume"
        return await self._ask(path, {"by": by, "reason": reason, "budget": budget}, idempotency_key)

    async def handle_node(
        self,
        execution_id: str,
        node_id: str,
        verb: Literal["complete", "fail", "skip", "retry"],
        *,
        by: str,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """End a node by hand, or its wait; `output` goes with complete, `error` {type, message} with fail."""
        path = f"/v1/executions/{quote(execution_id, safe='')}/nodes/{quote(node_id, safe='')}/{verb}"
        body = {"by": by, "reason": reason, "attempt": attempt, **more}
        return await self._ask(path, body, idempotency_key)

    async def _ask(self, path: str, fields: Mapping[str, Any], key: str | None) -> dict[str, Any]:
        body = {name: value for name, value in fields.items() if value is not None}
        return await self._post(path, body, key)
