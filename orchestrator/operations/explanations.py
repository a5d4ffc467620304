"""What `engine.executions` reads to explain an execution, or one node or item of it."""

from __future__ import annotations

from orchestrator.errors import NodeNotFound
from orchestrator.execution.explain import explain, explain_unit
from orchestrator.execution.explain_deliveries import explain_deliveries
from orchestrator.execution.explanation import Explanation
from orchestrator.execution.model import NodeState, Snapshot
from orchestrator.operations.queues import queue_positions
from orchestrator.store.reader import Store
from orchestrator.units import index_of, node_of

#: Deliveries of an execution that are explained.
MOST_EXPLAINED = 50


async def explain_execution(store: Store, snapshot: Snapshot, *, names_workers: bool) -> list[Explanation]:
    """Explain what is unfinished of an execution, and what is still to be delivered of its end."""
    positions = await queue_positions(store, snapshot.definition, snapshot.nodes.values())
    ids = await store.deliveries.of_execution(snapshot.execution.execution_id)
    deliveries = await store.deliveries.read(ids[:MOST_EXPLAINED])
    workers, heard_ms = await store.workers(), await store.liveness.last_heard_ms()
    found = explain(snapshot, workers, positions, names_workers=names_workers, heard_ms=heard_ms)
    return found + explain_deliveries([each for each in deliveries if each is not None])


async def explain_one(store: Store, snapshot: Snapshot, unit: str, *, names_workers: bool) -> Explanation:
    """Explain one node or item, whatever its status. Raises NodeNotFound."""
    state = await _unit_state(store, snapshot, unit)
    positions = await queue_positions(store, snapshot.definition, [state])
    workers, heard_ms = await store.workers(), await store.liveness.last_heard_ms()
    return explain_unit(snapshot, state, workers, positions, names_workers=names_workers, heard_ms=heard_ms)


async def _unit_state(store: Store, snapshot: Snapshot, unit: str) -> NodeState:
    """Find the state of a node or an item. Raises NodeNotFound."""
    execution_id, node_id, index = snapshot.execution.execution_id, node_of(unit), index_of(unit)
    node = snapshot.definition.by_id.get(node_id)
    if node is None or (index is not None and not node.map):
        raise NodeNotFound(execution_id, unit)
    if index is None:
        return snapshot.nodes[node_id]
    if node_id in snapshot.maps and (live := snapshot.maps[node_id].live.get(unit)) is not None:
        return live
    items = await store.items.page(execution_id, node_id, index, 1, each_bytes=0)
    if not items:
        raise NodeNotFound(execution_id, unit)
    return items[0].state
