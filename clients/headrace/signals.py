"""Signals to nodes that wait for them."""

from __future__ import annotations

from typing import Any

from clients.headrace.transport import Document, Transport, path_of


class Signals:
    """`client.signals`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(
        self, execution_id: str, name: str, payload: Any = None, *, idempotency_key: str | None = None
    ) -> Document:
        """Send a signal; the answer says how many nodes had waited for it, and whether it is kept.

        Sends an Idempotency-Key; a caller's own lets the call be repeated.
        """
        path = path_of("executions", execution_id, "signals", name)
        return (await self._transport.post_once(path, {"payload": payload}, idempotency_key)).document
