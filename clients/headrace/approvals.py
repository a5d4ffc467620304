"""Approvals: what waits for a decision, and the decision."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

from clients.headrace.transport import Document, Transport, path_of


class Approvals:
    """`client.approvals`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, *, limit: int | None = None) -> AsyncIterator[Document]:
        """Approvals without a decision, the longest waiting first."""
        async for item in self._transport.pages(path_of("approvals"), limit=limit):
            yield item

    async def get(self, execution_id: str, node_id: str) -> Document:
        """What an approval shows, with the hash a decision about it must carry."""
        return await self._transport.get(path_of("approvals", execution_id, node_id))

    async def decide(
        self,
        execution_id: str,
        node_id: str,
        decision: Literal["approve", "deny"],
        *,
        by: str,
        shown: str,
        form: Any = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Approve or deny what was shown. Raises ApiError 409 with `recorded` after another decision.

        Sends an Idempotency-Key; a caller's own lets the call be repeated.
        """
        body = {"decision": decision, "by": by, "shown": shown, "form": form}
        path = path_of("executions", execution_id, "approvals", node_id)
        return (await self._transport.post_once(path, body, idempotency_key)).document
