"""What a simulation has to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.definition import OUTPUT
from orchestrator.execution import NodeState
from orchestrator.mapping import unit_of
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store import Store

_ENDS = frozenset({"node.completed", "node.failed", "node.skipped", "node.cancelled"})


@dataclass(frozen=True, slots=True)
class Played:
    """One node's part. Times are virtual milliseconds since the start; None where it never came to that."""

    node_id: str
    state: NodeState
    start_ms: int | None
    end_ms: int | None
    output: bytes | None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What happened. `path` lists (virtual ms, event, node or item) in the order of the history.

    reason   why it ended so; of a PAUSED one, which node asked for an operator.
    waiting  nodes that wait for something no stub gives, when the execution could not come to its end.
    output   what the `output` of the definition came to, JSON; output_error, why it came to nothing.
    """

    status: ExecutionStatus
    reason: str | None
    duration_ms: int
    nodes: tuple[Played, ...]
    path: tuple[tuple[int, str, str], ...]
    waiting: tuple[str, ...] = ()
    output: bytes | None = None
    output_error: dict[str, Any] | None = None


async def tell(store: Store, execution_id: str, began_ms: int, now_ms: int) -> Simulation:
    """Read what became of an execution that was played from began_ms to now_ms."""
    execution = await store.execution(execution_id)
    assert execution is not None
    definition = await store.definition(execution_id, execution.version)
    node_ids = [node.id for node in definition.nodes]
    states = await store.nodes(execution_id, node_ids)
    outputs = await store.outputs(execution_id, node_ids)
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}
    path: list[tuple[int, str, str]] = []
    after = 0
    while rows := await store.events(execution_id, after=after, limit=1_000):
        for row in rows:
            after, moment = row.seq, row.ts_ms - began_ms
            if row.node_id is None or row.node_id == OUTPUT:
                continue
            if row.item is not None:
                path.append((moment, row.type, unit_of(row.node_id, row.item)))
                continue
            path.append((moment, row.type, row.node_id))
            if row.type == "node.started":
                starts.setdefault(row.node_id, moment)
            elif states.get(row.node_id) and row.type in _ENDS:
                ends[row.node_id] = moment
    final = await store.output_state(execution_id) if definition.output_node else None
    waits = (NodeStatus.WAITING, NodeStatus.QUEUED, NodeStatus.RUNNING)
    return Simulation(
        status=execution.status,
        reason=execution.paused_reason or (str(execution.reason) if execution.reason else None),
        duration_ms=now_ms - began_ms,
        nodes=tuple(
            Played(each, states[each], starts.get(each), ends.get(each), outputs[each]) for each in node_ids
        ),
        path=tuple(path),
        waiting=tuple(each for each in node_ids if states[each].status in waits),
        output=await store.output(execution_id, OUTPUT) if final else None,
        output_error=final.error if final and final.status is NodeStatus.FAILED else None,
    )
