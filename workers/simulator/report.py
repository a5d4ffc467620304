"""The report of a simulation: its execution, and the children below it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from orchestrator.definitions.definition import OUTPUT
from orchestrator.execution.model import Event, Execution, NodeState
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.reader import Store
from orchestrator.units import unit_of

_ENDS = frozenset({"node.completed", "node.failed", "node.skipped", "node.cancelled"})
_OVER = frozenset({"execution.completed", "execution.failed", "execution.cancelled"})
_OPEN = frozenset({NodeStatus.WAITING, NodeStatus.QUEUED, NodeStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node; the nodes of a child are named UNIT/NODE, after the unit that started it.

    Times are virtual milliseconds since the start; None where it never started or ended.
    """

    node_id: str
    state: NodeState
    start_ms: int | None
    end_ms: int | None
    output: bytes | None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What happened. `path` lists (virtual ms, event, node or item) in the order of the history.

    reason   why it ended so; of a PAUSED one, which node asked for an operator.
    waiting  nodes that wait for something no stub gives, when the execution could not end.
    output   the `output` of the definition, JSON; output_error, why there is none.
    """

    status: ExecutionStatus
    reason: str | None
    duration_ms: int
    nodes: tuple[NodeReport, ...]
    path: tuple[tuple[int, str, str], ...]
    waiting: tuple[str, ...] = ()
    output: bytes | None = None
    output_error: dict[str, Any] | None = None


def without_items(name: str) -> str:
    """Name the nodes that units are items of: `S[0]/x[1]` is one of `S/x`."""
    return re.sub(r"\[\d+\]", "", name)


@dataclass(slots=True)
class _Part:
    """One execution of the simulation. position: rows of its history that are in the path already."""

    execution: Execution
    prefix: str
    rows: Sequence[Event]
    position: int = 0
    nodes: list[NodeReport] = field(default_factory=list)


class ReportBuilder:
    """Builds the report of a simulation from what it wrote. began_ms: its start, on its own clock."""

    def __init__(self, store: Store, began_ms: int) -> None:
        self._store = store
        self._began_ms = began_ms
        #: In the order in which they are first read.
        self._all: dict[str, _Part] = {}

    async def build(self, execution_id: str, now_ms: int) -> Simulation:
        """Build the report of an execution with everything below it."""
        await self._read(execution_id, "")
        execution = self._all[execution_id].execution
        path = self._path(self._all[execution_id], is_whole=True)
        for part in list(self._all.values()):
            path += self._path(part, is_whole=True)
        # Steps of a child that stand behind its end happened before it.
        path.sort(key=lambda step: step[0])
        final = await self._store.output_state(execution_id)
        nodes = tuple(node for part in self._all.values() for node in part.nodes)
        return Simulation(
            status=execution.status,
            reason=execution.paused_reason or (str(execution.reason) if execution.reason else None),
            duration_ms=(execution.ended_ms or now_ms) - self._began_ms,
            nodes=nodes,
            path=tuple(path),
            waiting=tuple(each.node_id for each in nodes if each.state.status in _OPEN),
            output=await self._store.output(execution_id, OUTPUT) if final else None,
            output_error=final.error if final and final.status is NodeStatus.FAILED else None,
        )

    async def _read(self, execution_id: str, prefix: str) -> None:
        execution = await self._store.execution(execution_id)
        assert execution is not None
        definition = await self._store.definition(execution_id, execution.version)
        node_ids = [node.id for node in definition.nodes]
        states = await self._store.nodes(execution_id, node_ids)
        outputs = await self._store.outputs(execution_id, node_ids)
        part = self._all[execution_id] = _Part(execution, prefix, await self._rows(execution_id))
        starts: dict[str, int] = {}
        ends: dict[str, int] = {}
        for row in part.rows:
            moment = row.ts_ms - self._began_ms
            if row.item is not None:
                continue
            if row.node_id and row.type == "node.started":
                starts.setdefault(row.node_id, moment)
            elif row.node_id and row.type in _ENDS:
                ends[row.node_id] = moment
        for each in node_ids:
            report = NodeReport(prefix + each, states[each], starts.get(each), ends.get(each), outputs[each])
            part.nodes.append(report)
        if execution.children:
            for child_id, unit in await self._store.children(execution_id):
                await self._read(child_id, f"{prefix}{unit}/")

    async def _rows(self, execution_id: str) -> list[Event]:
        found: list[Event] = []
        while rows := await self._store.events(
            execution_id, after=found[-1].seq if found else 0, limit=1_000
        ):
            found += rows
        return found

    def _path(self, part: _Part, *, is_whole: bool) -> list[tuple[int, str, str]]:
        """List the steps from `position` to the next end, or to the last; a child's before the effects of its
        end."""
        path: list[tuple[int, str, str]] = []
        while part.position < len(part.rows):
            row = part.rows[part.position]
            part.position += 1
            if row.node_id is not None and row.node_id != OUTPUT:
                child_id = orjson.loads(row.data).get("child") if row.type == "node.queued" else None
                if child_id in self._all:
                    path += self._path(self._all[child_id], is_whole=False)
                unit = row.node_id if row.item is None else unit_of(row.node_id, row.item)
                path.append((row.ts_ms - self._began_ms, row.type, part.prefix + unit))
            elif row.type in _OVER and not is_whole:
                break
        return path
