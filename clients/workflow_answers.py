"""The part of the workflow client that answers what waits: signals and approvals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal
from urllib.parse import quote

from clients.workflow_calls import KeyedCalls


class AnswerCalls(KeyedCalls):
    """Calls about nodes that wait for somebody outside."""

    async def signal(
        self, execution_id: str, name: str, payload: Any = None, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Send a signal; tells how many nodes had waited for it, and whether it is kept.

        Sends an Idempotency-Key in any case; a caller who gives his own may repeat the call with it.
        """
        path = f"/v1/executions/{_part(execution_id)}/signals/{_part(name)}"
        return await self._post(path, {"payload": payload}, idempotency_key)

    async def approvals(self, *, limit: int | None = None) -> AsyncIterator[dict[str, Any]]:
        """Approvals nobody has decided, those that wait longest first, page after page."""
        query, given = {"limit": "100"}, 0
        while True:
            page = (await self._send("GET", "/v1/approvals", query=query)).json()
            for item in page["items"]:
                if given == limit:
                    return
                given += 1
                yield item
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]

    async def approval(self, execution_id: str, node_id: str) -> dict[str, Any]:
        """What an approval shows, with the hash a decision about it must carry."""
        path = f"/v1/approvals/{_part(execution_id)}/{_part(node_id)}"
        found: dict[str, Any] = (await self._send("GET", path)).json()
        return found

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
    ) -> dict[str, Any]:
        """Approve or deny what was shown. Raises ApiError 409 with `recorded` when somebody was first."""
        body = {"decision": decision, "by": by, "shown": shown, "form": form}
        path = f"/v1/executions/{_part(execution_id)}/approvals/{_part(node_id)}"
        return await self._post(path, body, idempotency_key)


def _part(text: str) -> str:
    return quote(text, safe="")
