"""What runs the executions: queues, workers, handlers, dead letters, statistics, what calls have used."""

from __future__ import annotations

from headrace.calls import (
    Document,
    Pages,
    Part,
    Steps,
    Way,
    delete,
    each_of,
    get,
    get_items,
    get_pages,
    listing,
    operation,
    path_of,
    post,
)
from headrace.records import DeadLetter, Handler, Queue, Worker


class Queues(Part[Way]):
    """`client.queues`."""

    @operation
    def list(self) -> Steps[tuple[Queue, ...]]:
        """Every queue: tasks on it, tasks claimed, age of the oldest."""
        return Queue.all_of((yield from get_items(path_of("queues"))))


class Workers(Part[Way]):
    """`client.workers`."""

    @operation
    def list(self) -> Steps[tuple[Worker, ...]]:
        """Live workers, what they offer and how busy they are."""
        return Worker.all_of((yield from get_items(path_of("workers"))))


class Handlers(Part[Way]):
    """`client.handlers`."""

    @operation
    def list(self) -> Steps[tuple[Handler, ...]]:
        """Handlers a node may name: their configs as JSON Schema, default retries, and live workers."""
        return Handler.all_of((yield from get_items(path_of("handlers"))))


class DeadLetters(Part[Way]):
    """`client.dead_letters`."""

    @listing
    def list(self, *, limit: int | None = None) -> Pages[DeadLetter]:
        """Poison and exhausted nodes, newest first."""
        return each_of(get_pages(path_of("dead"), limit=limit), DeadLetter.from_dict)

    @operation
    def requeue(self, entry_id: str) -> Steps[Document]:
        """Run the node again, by retrying its execution in place."""
        return dict((yield from post(path_of("dead", entry_id, "requeue"), {})))

    @operation
    def drop(self, entry_id: str) -> Steps[None]:
        """Delete the entry; the execution stays as it is."""
        yield from delete(path_of("dead", entry_id))


class Statistics(Part[Way]):
    """`client.statistics`."""

    @operation
    def get(self, *, first: str | None = None, last: str | None = None) -> Steps[Document]:
        """How executions ended, by workflow, handlers' nodes and deliveries: all ends of these days.

        first, last  days in UTC, `2026-11-20`; the last 30 days without them.
        """
        asked = {"from": first, "to": last}
        query = {name: day for name, day in asked.items() if day is not None}
        return dict((yield from get(path_of("statistics"), query)))


class Usage(Part[Way]):
    """`client.usage`."""

    @operation
    def get(self, *, days: int = 30) -> Steps[Document]:
        """Calls to language models, their tokens and their cost, by day, today included."""
        return dict((yield from get(path_of("usage"), {"days": str(days)})))
