"""Nodes of an execution: read one, and override what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from clients.headrace.outputs import fill_in
from clients.headrace.transport import Document, Transport, given, path_of
from clients.headrace.views import NodeView


class Nodes:
    """`client.nodes`. A node id names a node, or an item of a mapped one: `ask[3]`.

    by       who decides; kept in the history, as `reason` is.
    attempt  act only while the node is at this attempt.
    Each override sends an Idempotency-Key; a caller's own lets the call be repeated.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, execution_id: str, node_id: str) -> NodeView:
        """One node and its output, whole."""
        document = await self._transport.get(_path(execution_id, node_id))
        await fill_in(self._transport, document, _path(execution_id, node_id, "output"))
        return NodeView.from_dict(document)

    async def output(self, execution_id: str, node_id: str) -> Any:
        """The output of a node or an item, whole. Raises NotFound where there is none."""
        return await self._transport.value(_path(execution_id, node_id, "output"))

    async def items(
        self, execution_id: str, node_id: str, *, limit: int | None = None, status: str | None = None
    ) -> AsyncIterator[Document]:
        """The items of a mapped node, in order, their outputs whole; only those with a status, if given."""
        path = _path(execution_id, node_id, "items")
        async for item in self._transport.pages(path, given(status=status), limit=limit):
            unit = f"{node_id}[{item.get('index')}]"
            await fill_in(self._transport, item, _path(execution_id, unit, "output"))
            yield item

    async def complete(
        self,
        execution_id: str,
        node_id: str,
        *,
        by: str,
        output: Any = None,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Complete a node with an output; a running attempt is fenced."""
        body = given(by=by, reason=reason, attempt=attempt, output=output)
        return await self._override(_path(execution_id, node_id, "complete"), body, idempotency_key)

    async def fail(
        self,
        execution_id: str,
        node_id: str,
        *,
        by: str,
        error: Mapping[str, str] | None = None,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Fail a node without another try. error: {type, message}, both optional."""
        body = given(by=by, reason=reason, attempt=attempt, error=error)
        return await self._override(_path(execution_id, node_id, "fail"), body, idempotency_key)

    async def skip(
        self,
        execution_id: str,
        node_id: str,
        *,
        by: str,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Skip a node; the trigger rules of its successors decide about them."""
        body = given(by=by, reason=reason, attempt=attempt)
        return await self._override(_path(execution_id, node_id, "skip"), body, idempotency_key)

    async def retry(
        self,
        execution_id: str,
        node_id: str,
        *,
        by: str,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """End a node's wait for its next try, a delay, a worker or an operator now."""
        body = given(by=by, reason=reason, attempt=attempt)
        return await self._override(_path(execution_id, node_id, "retry"), body, idempotency_key)

    async def _override(self, path: str, body: Document, key: str | None) -> Document:
        return (await self._transport.post_once(path, body, key)).document


def _path(execution_id: str, node_id: str, *more: str) -> str:
    return path_of("executions", execution_id, "nodes", node_id, *more)
