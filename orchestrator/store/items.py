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
from orchestrator.store.layout_1 import as_layout_2
from orchestrator.store.records import NODE_FIELDS, read_node_state
from orchestrator.units import unit_of

#: Items read by one command.
SLICE = 500
#: Outputs of items read at first, and twice as many each further time: their sizes are not known before.
FIRST_OUTPUTS = 16
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

    async def with_failed(self, execution_id: str, node_ids: Sequence[str]) -> frozenset[str]:
        """Name those of the nodes that hold failed items, by the statuses of these."""
        counts = await self.counts(execution_id, node_ids)
        found = set()
        for node_id, count in counts.items():
            if NodeStatus.FAILED in await self.statuses(execution_id, node_id, count.total):
                found.add(node_id)
        return frozenset(found)

    async def states(
        self, execution_id: str, node_id: str, indexes: Sequence[int], statuses: Sequence[NodeStatus]
    ) -> list[NodeState]:
        """Read the runtime records of some items whose statuses are known. Raises LayoutUnknown."""
        states: list[NodeState] = []
        width = len(NODE_FIELDS)
        for first in range(0, len(indexes), SLICE):
            units = [unit_of(node_id, index) for index in indexes[first : first + SLICE]]
            names = ["v", *(f"{field}|{unit}" for unit in units for field in NODE_FIELDS)]
            answers = await self._redis.hmget(self._keys.runtime(execution_id), names)
            _, *values = await as_layout_2(self._redis, self._keys, execution_id, names, answers)
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

    async def page(
        self,
        execution_id: str,
        node_id: str,
        first: int,
        count: int,
        *,
        status: NodeStatus | None = None,
        each_bytes: int | None = None,
    ) -> list[Item]:
        """Read `count` items from index `first` on, of a status if one is given; fewer at the end.

        each_bytes  larger outputs are left out; without it, none is.
        """
        key = self._keys.items(execution_id, node_id)
        total = int(await self._redis.hget(key, "total") or 0)
        indexes = list(range(first, total))
        if status is not None:
            known = await self.statuses(execution_id, node_id, total)
            indexes = [index for index in indexes if known[index] is status]
        if not (indexes := indexes[:count]):
            return []
        count = len(indexes)
        kinds = "svo" if each_bytes is None else "sv"
        columns = await self._redis.hmget(key, [f"{kind}{index}" for kind in kinds for index in indexes])
        words, values, outputs = columns[:count], columns[count : 2 * count], columns[2 * count :]
        statuses = [NodeStatus(word.decode()) if word else NodeStatus.PENDING for word in words]
        states = await self.states(execution_id, node_id, indexes, statuses)
        sizes = [len(output or b"") for output in outputs]
        if each_bytes is not None:
            outputs, sizes = await self._small_outputs(key, indexes, each_bytes)
        return [
            Item(index, state, value, output, size)
            if state.status is NodeStatus.COMPLETED
            else Item(index, state, value, None)
            for index, state, value, output, size in zip(indexes, states, values, outputs, sizes, strict=True)
        ]

    async def _small_outputs(
        self, key: str, indexes: Sequence[int], each_bytes: int
    ) -> tuple[list[bytes | None], list[int]]:
        """Outputs of items, None for those over `each_bytes`, and the sizes of all."""
        pipe = self._redis.pipeline(transaction=False)
        for index in indexes:
            pipe.hstrlen(key, f"o{index}")
        sizes: list[int] = await pipe.execute()
        small = [index for index, size in zip(indexes, sizes, strict=True) if 0 < size <= each_bytes]
        texts = await self._redis.hmget(key, [f"o{index}" for index in small]) if small else []
        found = dict(zip(small, texts, strict=True))
        return [found.get(index) for index in indexes], sizes

    async def output(
        self, execution_id: str, node_id: str, *, with_ends: bool, max_bytes: int
    ) -> tuple[list[Any], int]:
        """Build the output of a map whose items have ended, as fragments of JSON, with its size at least.

        A list of outputs, null for an item that was skipped. Stops reading, with a list that is not whole,
        once the outputs have more than max_bytes together.
        with_ends  one of `{index, status, output | error}` instead.
        """
        items: list[Item] = []
        size, count = 0, FIRST_OUTPUTS
        while size <= max_bytes and (part := await self.page(execution_id, node_id, len(items), count)):
            items += part
            size += sum(len(item.output or b"") for item in part)
            count = min(SLICE, count * 2)
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
