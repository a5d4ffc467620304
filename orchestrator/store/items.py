"""Reads the items of mapped nodes, in slices: counts, states, outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from redis.asyncio import Redis

from orchestrator.definitions.definition import Definition
from orchestrator.execution.model import Item, MapCounts, MapState, NodeState
from orchestrator.redis_keys import Keys
from orchestrator.states import NodeStatus, WaitingOn
from orchestrator.store.records import NODE_FIELDS, read_node_state
from orchestrator.units import unit_of

#: Items read by one command.
SLICE = 500
_COUNTS = ("total", "next", "live", "COMPLETED", "FAILED", "SKIPPED", "tolerated", "stops", "halted")


class Items:
    """Reads items of mapped nodes."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def counts(self, execution_id: str, node_ids: Sequence[str]) -> dict[str, MapCounts]:
        """Count for those of the nodes that have items, in one round trip."""
        if not node_ids:
            return {}
        pipe = self._redis.pipeline(transaction=False)
        for node_id in node_ids:
            pipe.hmget(self._keys.items(execution_id, node_id), _COUNTS)
        rows = await pipe.execute()
        return {
            node_id: _counts(row) for node_id, row in zip(node_ids, rows, strict=True) if row[0] is not None
        }

    async def statuses(self, execution_id: str, node_id: str, total: int) -> list[NodeStatus]:
        """Read the status of every item, in order."""
        words: list[bytes | None] = []
        for first in range(0, total, SLICE):
            names = [f"s{index}" for index in range(first, min(total, first + SLICE))]
            words += await self._redis.hmget(self._keys.items(execution_id, node_id), names)
        return [NodeStatus(word.decode()) if word else NodeStatus.PENDING for word in words]

    async def states(
        self, execution_id: str, node_id: str, indexes: Sequence[int], statuses: Sequence[NodeStatus]
    ) -> list[NodeState]:
        """Read the runtime records of some items whose statuses are known."""
        states: list[NodeState] = []
        width = len(NODE_FIELDS)
        for first in range(0, len(indexes), SLICE):
            units = [unit_of(node_id, index) for index in indexes[first : first + SLICE]]
            fields = [f"{field}|{unit}" for unit in units for field in NODE_FIELDS]
            values = await self._redis.hmget(self._keys.runtime(execution_id), fields)
            for place, unit in enumerate(units):
                state = read_node_state(unit, None, values[place * width : (place + 1) * width - 1])
                states.append(replace(state, status=statuses[first + place]))
        return states

    async def read_for_repair(self, execution_id: str, node_id: str, counts: MapCounts) -> MapState:
        """Read what the planner compares: all statuses, and the records of what is live."""
        statuses = await self.statuses(execution_id, node_id, counts.total)
        live = [
            index
            for index, status in enumerate(statuses[: counts.started])
            # PENDING: held, because the execution is paused.
            if not status.is_terminal
        ]
        states = await self.states(execution_id, node_id, live, [statuses[index] for index in live])
        return MapState(counts, tuple(statuses), {state.node_id: state for state in states})

    async def sights(
        self, execution_id: str, definition: Definition, states: Mapping[str, NodeState]
    ) -> dict[str, MapState]:
        """Look at the items of the nodes that wait for theirs."""
        waiting = [
            node.id
            for node in definition.nodes
            if node.map
            and states[node.id].status is NodeStatus.WAITING
            and states[node.id].waiting_on in (WaitingOn.MAP, None)
        ]
        counts = await self.counts(execution_id, waiting)
        found = {}
        for node_id, count in counts.items():
            sight = await self.read_for_repair(execution_id, node_id, count)
            found[node_id] = replace(sight, is_named=states[node_id].waiting_on is not None)
        return found

    async def page(self, execution_id: str, node_id: str, first: int, count: int) -> list[Item]:
        """Read `count` items from index `first` on; fewer at the end."""
        key = self._keys.items(execution_id, node_id)
        total = int(await self._redis.hget(key, "total") or 0)
        indexes = list(range(first, min(total, first + count)))
        if not indexes:
            return []
        rows = await self._redis.hmget(key, [f"{kind}{index}" for index in indexes for kind in "svo"])
        statuses = [NodeStatus(word.decode()) if word else NodeStatus.PENDING for word in rows[::3]]
        states = await self.states(execution_id, node_id, indexes, statuses)
        return [
            Item(index, state, value, output if state.status is NodeStatus.COMPLETED else None)
            for index, state, value, output in zip(indexes, states, rows[1::3], rows[2::3], strict=True)
        ]

    async def output(
        self, execution_id: str, node_id: str, *, with_ends: bool, max_bytes: int
    ) -> tuple[list[Any], int]:
        """Build the output of a map whose items have ended, as fragments of JSON, with its size at least.

        A list of outputs, null for an item that was skipped. Stops reading, with a list that is not whole,
        once the outputs have more than max_bytes together.
        with_ends  one of `{index, status, output | error}` instead.
        """
        items: list[Item] = []
        size = first = 0
        while size <= max_bytes and (part := await self.page(execution_id, node_id, first, SLICE)):
            items += part
            first += len(part)
            size += sum(len(item.output or b"") for item in part)
        if with_ends:
            return [_entry(item) for item in items], size
        return [orjson.Fragment(item.output or b"null") for item in items], size


def _counts(row: Sequence[bytes | None]) -> MapCounts:
    total, started, live, completed, failed, skipped, tolerated = (int(value or 0) for value in row[:7])
    if row[2] is None:
        live = -1  # It has been lost: whatever is found, it has to be counted again.
    return MapCounts(
        total, started, live, completed, failed, skipped, tolerated, row[7] == b"1", row[8] == b"1"
    )


def _entry(item: Item) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": item.index, "status": str(item.state.status)}
    if item.state.status is NodeStatus.COMPLETED:
        return entry | {"output": orjson.Fragment(item.output or b"null")}
    return entry | {"error": item.state.error}
