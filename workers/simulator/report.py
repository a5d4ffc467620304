"""What a simulation came to: the execution it began with, and the children below it."""

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
    """One node's part; the nodes of a child are named UNIT/NODE, after the unit that started it.

    Times are virtual milliseconds since the start; None where it never came to that.
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
    waiting  nodes that wait for something no stub gives, when the execution could not come to its end.
    output   what the `output` of the definition came to, JSON; output_error, why it came to nothing.
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
class _Told:
    """One execution of the simulation, as far as its history has been told."""

    execution: Execution
    prefix: str
    rows: Sequence[Event]
    told: int = 0
    nodes: list[NodeReport] = field(default_factory=list)


class ReportBuilder:
    """Reads what a simulation left behind. began_ms: its start, on its own clock."""

    def __init__(self, store: Store, began_ms: int) -> None:
        self._store = store
        self._began_ms = began_ms
        #: In the order in which they are first told of.
        self._all: dict[str, _Told] = {}

    async def build(self, execution_id: str, now_ms: int) -> Simulation:
        """Tell of an execution with everything below it."""
        await self._read(execution_id, "")
        execution = self._all[execution_id].execution
        path = self._path(self._all[execution_id], is_whole=True)
        for told in list(self._all.values()):
            path += self._path(told, is_whole=True)
        # What is told of a child at its end happened before.
        path.sort(key=lambda step: step[0])
        final = await self._store.output_state(execution_id)
        nodes = tuple(node for told in self._all.values() for node in told.nodes)
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
        told = self._all[execution_id] = _Told(execution, prefix, await self._rows(execution_id))
        starts: dict[str, int] = {}
        ends: dict[str, int] = {}
        for row in told.rows:
            moment = row.ts_ms - self._began_ms
            if row.item is not None:
                continue
            if row.node_id and row.type == "node.started":
                starts.setdefault(row.node_id, moment)
            elif row.node_id and row.type in _ENDS:
                ends[row.node_id] = moment
        for each in node_ids:
            played = NodeReport(prefix + each, states[each], starts.get(each), ends.get(each), outputs[each])
            told.nodes.append(played)
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

    def _path(self, told: _Told, *, is_whole: bool) -> list[tuple[int, str, str]]:
        """Tell the history from where it was left, to the next end or to the last; a child's before what
        its end brought about."""
        path: list[tuple[int, str, str]] = []
        while told.told < len(told.rows):
            row = told.rows[told.told]
            told.told += 1
            if row.node_id is not None and row.node_id != OUTPUT:
                child_id = orjson.loads(row.data).get("child") if row.type == "node.queued" else None
                if child_id in self._all:
                    path += self._path(self._all[child_id], is_whole=False)
                unit = row.node_id if row.item is None else unit_of(row.node_id, row.item)
                path.append((row.ts_ms - self._began_ms, row.type, told.prefix + unit))
            elif row.type in _OVER and not is_whole:
                break
        return path
