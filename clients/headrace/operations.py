"""What runs the executions: queues, workers, handlers, dead letters, statistics, what calls have used."""

from __future__ import annotations

from collections.abc import AsyncIterator

from clients.headrace.transport import Document, Documents, Transport, path_of


class Queues:
    """`client.queues`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> Documents:
        """Every queue: tasks on it, tasks claimed, age of the oldest."""
        return await self._transport.items(path_of("queues"))


class Workers:
    """`client.workers`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> Documents:
        """Live workers, what they offer and how busy they are."""
        return await self._transport.items(path_of("workers"))


class Handlers:
    """`client.handlers`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> Documents:
        """Handlers a node may name: their configs as JSON Schema, default retries, and live workers."""
        return await self._transport.items(path_of("handlers"))


class DeadLetters:
    """`client.dead_letters`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, *, limit: int | None = None) -> AsyncIterator[Document]:
        """Poison and exhausted nodes, newest first."""
        async for item in self._transport.pages(path_of("dead"), limit=limit):
            yield item

    async def requeue(self, entry_id: str) -> Document:
        """Run the node again, by retrying its execution in place."""
        return await self._transport.post(path_of("dead", entry_id, "requeue"), {})

    async def drop(self, entry_id: str) -> None:
        """Delete the entry; the execution stays as it is."""
        await self._transport.delete(path_of("dead", entry_id))


class Statistics:
    """`client.statistics`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, *, first: str | None = None, last: str | None = None) -> Document:
        """How executions ended, by workflow, handlers' nodes and deliveries: all ends of these days.

        first, last  days in UTC, `2026-11-20`; the last 30 days without them.
        """
        asked = {"from": first, "to": last}
        query = {name: day for name, day in asked.items() if day is not None}
        return await self._transport.get(path_of("statistics"), query)


class Usage:
    """`client.usage`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, *, days: int = 30) -> Document:
        """Calls to language models, their tokens and their cost, by day, today included."""
        return await self._transport.get(path_of("usage"), {"days": str(days)})
