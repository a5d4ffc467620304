"""`engine.queues`: how long the task queues are, and where in them a task stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import ResponseError

from orchestrator.execution.model import Snapshot
from orchestrator.states import NodeStatus
from orchestrator.store.reader import Store

#: Tasks counted when looking for a place in a queue; further back, the place is not known.
MOST_PLACES = 1_000


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """One task stream. length counts waiting and running tasks, pending those delivered to a worker."""

    queue: str
    length: int
    pending: int
    oldest_ms: int | None
    consumers: int


class Queues:
    """The task streams that workers read."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def list(self) -> Sequence[QueueInfo]:
        """List the queue `default`, every queue a definition has named, and every one a live worker reads."""
        named = await self.store.redis.smembers(self.store.keys.shared("queues"))
        names = {"default"}.union(name.decode() for name in named)
        for worker in await self.store.workers():
            names.update(worker.queues)
        return [await self._queue(name) for name in sorted(names)]

    async def _queue(self, queue: str) -> QueueInfo:
        stream = self.store.keys.tasks(queue)
        pipe = self.store.redis.pipeline(transaction=False)
        pipe.xlen(stream)
        pipe.xrange(stream, count=1)
        length, oldest = await pipe.execute()
        pending = consumers = 0
        try:
            for group in await self.store.redis.xinfo_groups(stream):
                if group["name"] == self.store.keys.group.encode():
                    pending, consumers = group["pending"], group["consumers"]
        except ResponseError:
            pass  # The stream does not exist before the first task.
        oldest_ms = int(oldest[0][0].split(b"-")[0]) if oldest else None
        return QueueInfo(queue, length, pending, oldest_ms, consumers)


async def queue_positions(store: Store, snapshot: Snapshot) -> dict[str, int]:
    """Count the tasks ahead of each QUEUED node of an execution, where known."""
    positions: dict[str, int] = {}
    waiting = {
        node.id: (node.queue, snapshot.nodes[node.id].message_id)
        for node in snapshot.definition.nodes
        if snapshot.nodes[node.id].status is NodeStatus.QUEUED
    }
    for queue in {queue for queue, _ in waiting.values()}:
        rows = await store.redis.xrange(store.keys.tasks(queue), count=MOST_PLACES)
        place = {entry_id.decode(): number for number, (entry_id, _) in enumerate(rows)}
        for node_id, (its_queue, message_id) in waiting.items():
            if its_queue == queue and message_id in place:
                positions[node_id] = place[message_id]
    return positions
