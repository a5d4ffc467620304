"""Messages about ends of executions: list them, read one, send one again."""

from __future__ import annotations

from collections.abc import AsyncIterator

from clients.headrace.transport import Document, Transport, given, path_of


class Deliveries:
    """`client.deliveries`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self, *, limit: int | None = None, execution_id: str | None = None, state: str | None = None
    ) -> AsyncIterator[Document]:
        """Deliveries, those of the newest ends first.

        execution_id  only those about its ends; its key will do.
        state         pending, delivered, failed or gone.
        """
        query = given(execution_id=execution_id, state=state)
        async for item in self._transport.pages(path_of("deliveries"), query, limit=limit):
            yield item

    async def get(self, delivery_id: str) -> Document:
        """One delivery with its last attempts."""
        return await self._transport.get(path_of("deliveries", delivery_id))

    async def resend(self, delivery_id: str, *, idempotency_key: str | None = None) -> Document:
        """Send it now, whatever became of it, under the same message id.

        Sends an Idempotency-Key; a caller's own lets the call be repeated.
        """
        path = path_of("deliveries", delivery_id, "resend")
        return (await self._transport.post_once(path, {}, idempotency_key)).document
