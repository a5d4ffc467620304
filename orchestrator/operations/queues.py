"""`engine.queues`: how long the task queues are, and where in them a task stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.definitions.definition import Definition
from orchestrator.execution.inventory import QueueInfo
from orchestrator.execution.model import NodeState
from orchestrator.states import NodeStatus
from orchestrator.store.reader import Store
from orchestrator.units import node_of

#: Tasks counted when looking for a place in a queue; further back, the place is not known.
MOST_PLACES = 1_000


class Queues:
    """The task streams that workers read."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def list(self) -> Sequence[QueueInfo]:
        """List the queue `default`, every queue a definition has named, and every one a live worker reads."""
        names = set(await self.store.queue_names())
        workers = await self.store.workers()
        names.update(*(worker.queues for worker in workers))
        return [
            await self.store.queue_info(name, readers=sum(name in worker.queues for worker in workers))
            for name in sorted(names)
        ]


async def queue_positions(
    store: Store, definition: Definition, states: Iterable[NodeState]
) -> dict[str, int]:
    """Count the tasks ahead of each QUEUED one of these nodes and items, where known."""
    positions: dict[str, int] = {}
    waiting = {
        state.node_id: (definition.node(node_of(state.node_id)).queue, state.message_id)
        for state in states
        if state.status is NodeStatus.QUEUED
    }
    for queue in {queue for queue, _ in waiting.values()}:
        heads = await store.queue_heads(queue, MOST_PLACES)
        place = {message_id: number for number, message_id in enumerate(heads)}
        for node_id, (its_queue, message_id) in waiting.items():
            if its_queue == queue and message_id in place:
                positions[node_id] = place[message_id]
    return positions
