"""What operators look at: lists of executions, queues, places in a queue, dead nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from redis.exceptions import ResponseError

from orchestrator.definitions.budgets import USED_FIELDS, Usage, read_usage
from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import Execution, Snapshot, WorkerInfo
from orchestrator.operations.results import ExecutionView, Page
from orchestrator.states import NodeStatus
from orchestrator.store.reader import Store

#: Index rows read at a time, and at most for one page, when a filter is narrow.
BATCH = 200
MOST_ROWS = 5_000
#: Tasks counted when looking for a place in a queue; further back, the place is not known.
MOST_PLACES = 1_000
#: A day as budgets count it: from midnight to midnight, UTC.
DAY_MS = 86_400_000
_PAGE = re.compile(r"\d{1,16}\.[0-9a-f-]{0,64}", re.ASCII)
_ENTRY_ID = re.compile(r"\d{1,18}-\d{1,18}")


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """One task stream. length counts waiting and running tasks, pending those delivered to a worker."""

    queue: str
    length: int
    pending: int
    oldest_ms: int | None
    consumers: int


@dataclass(frozen=True, slots=True)
class DeadEntry:
    """A node that failed for good: it lost its worker too often, or used up its tries."""

    entry_id: str
    execution_id: str
    node_id: str
    reason: str
    error: dict[str, Any]
    attempt: int
    ts_ms: int


class Operations:
    """Reads across executions."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def view(self, execution: Execution) -> ExecutionView:
        """One execution with all its nodes, and what its output came to."""
        execution_id = execution.execution_id
        definition = await self.store.definition(execution_id, execution.version)
        states = await self.store.nodes(execution_id, [node.id for node in definition.nodes])
        nodes = [states[node.id] for node in definition.nodes]
        final = await self.store.output_state(execution_id) if definition.output_node else None
        if final is None:
            return ExecutionView(execution, definition, nodes)
        output = await self.store.output(execution_id, final.node_id)
        error = None if final.status is NodeStatus.COMPLETED else final.error
        return ExecutionView(execution, definition, nodes, output, error)

    async def list_executions(
        self,
        tenant: str,
        *,
        limit: int,
        cursor: str | None,
        is_wanted: Callable[[Execution], bool],
        oldest_ms: int | None,
        newest_ms: int | None,
    ) -> tuple[list[Execution], str | None]:
        """One page, newest first. The cursor names the last row given. Raises ValueError for a bad one."""
        newest, after_id = (str(newest_ms) if newest_ms is not None else "+inf"), ""
        if cursor:
            if not _PAGE.fullmatch(cursor):
                raise ValueError(f"bad cursor {cursor!r}: take next_cursor from the page before")
            moment, _, after_id = cursor.partition(".")
            newest = str(int(moment))
        oldest = str(oldest_ms) if oldest_ms is not None else "-inf"
        items: list[Execution] = []
        offset = 0
        while offset < MOST_ROWS:
            rows = await self.store.list_ids(
                tenant, newest_ms=newest, oldest_ms=oldest, offset=offset, count=BATCH
            )
            offset += len(rows)
            # Rows of one millisecond are in descending order of id: those up to the cursor's own were given
            # before.
            fresh = [row for row in rows if not after_id or row[1] < int(newest) or row[0] < after_id]
            found = await self.store.executions([execution_id for execution_id, _ in fresh]) if fresh else []
            for execution in found:
                if execution and is_wanted(execution):
                    if len(items) == limit:
                        last = items[-1]
                        return items, f"{last.created_ms}.{last.execution_id}"
                    items.append(execution)
            if len(rows) < BATCH:
                return items, None
        last_id, last_ms = fresh[-1] if fresh else ("", 0)
        return items, f"{last_ms}.{last_id}"

    async def usage(self, tenant: str, *, days: int) -> list[tuple[int, Usage]]:
        """What a tenant's calls to paid services used, by day: its first millisecond, today first."""
        today = await self.store.now_ms() // DAY_MS
        pipe = self.store.redis.pipeline(transaction=False)
        for day in range(today, today - days, -1):
            pipe.hmget(self.store.keys.usage(tenant, day), list(USED_FIELDS))
        rows = await pipe.execute()
        return [((today - back) * DAY_MS, read_usage(row)) for back, row in enumerate(rows)]

    async def queues(self) -> list[QueueInfo]:
        """The queue `default`, every queue a definition has named, and every queue a live worker reads."""
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

    async def queue_positions(self, snapshot: Snapshot) -> dict[str, int]:
        """Tasks ahead of each QUEUED node of an execution, where known."""
        positions: dict[str, int] = {}
        waiting = {
            node.id: (node.queue, snapshot.nodes[node.id].message_id)
            for node in snapshot.definition.nodes
            if snapshot.nodes[node.id].status is NodeStatus.QUEUED
        }
        for queue in {queue for queue, _ in waiting.values()}:
            rows = await self.store.redis.xrange(self.store.keys.tasks(queue), count=MOST_PLACES)
            place = {entry_id.decode(): number for number, (entry_id, _) in enumerate(rows)}
            for node_id, (its_queue, message_id) in waiting.items():
                if its_queue == queue and message_id in place:
                    positions[node_id] = place[message_id]
        return positions

    async def dead(self, *, limit: int, cursor: str | None) -> tuple[list[DeadEntry], str | None]:
        """Dead nodes, newest first. Raises ValueError for a bad cursor."""
        newest = f"({cursor}" if cursor else "+"
        if cursor and not _ENTRY_ID.fullmatch(cursor):
            raise ValueError(f"bad cursor {cursor!r}: take next_cursor from the page before")
        rows = await self.store.redis.xrevrange(self.store.keys.shared("dead"), newest, "-", count=limit + 1)
        entries = [_dead(entry_id, fields) for entry_id, fields in rows]
        return entries[:limit], entries[limit - 1].entry_id if len(entries) > limit else None

    async def dead_entry(self, entry_id: str) -> DeadEntry | None:
        if not _ENTRY_ID.fullmatch(entry_id):
            return None
        rows = await self.store.redis.xrange(self.store.keys.shared("dead"), entry_id, entry_id, count=1)
        return _dead(*rows[0]) if rows else None


class Operating:
    """The part of the engine for those who run it."""

    store: Store
    operations: Operations

    async def workers(self) -> Sequence[WorkerInfo]:
        """Workers heard of lately."""
        return await self.store.workers()

    async def queues(self) -> Sequence[QueueInfo]:
        """Every queue that has a name."""
        return await self.operations.queues()

    async def usage(self, *, days: int = 30, tenant: str = "default") -> Sequence[tuple[int, Usage]]:
        """What calls to paid services used, by day (UTC): its first millisecond, today first."""
        return await self.operations.usage(tenant, days=days)

    async def dead(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        """Nodes that were given up, newest first. Raises ValueError for a bad cursor."""
        items, next_cursor = await self.operations.dead(limit=limit, cursor=cursor)
        return Page(items, next_cursor)


def _dead(entry_id: bytes, fields: dict[bytes, bytes]) -> DeadEntry:
    return DeadEntry(
        entry_id=entry_id.decode(),
        execution_id=fields[b"execution_id"].decode(),
        node_id=fields[b"node_id"].decode(),
        reason=fields[b"reason"].decode(),
        error=orjson.loads(fields[b"error"]),
        attempt=int(fields[b"attempt"]),
        ts_ms=int(fields[b"ts_ms"]),
    )


class Parenting:
    """The part of the engine that knows who started whom."""

    store: Store

    async def children(self, execution_id: str, *, first: int, limit: int) -> Page:
        """Executions that nodes of this one started, oldest first, from place `first` on.

        Those that are no more are left out; the cursor is a place. Raises ExecutionNotFound.
        """
        if await self.store.status(execution_id) is None:
            raise ExecutionNotFound(execution_id)
        key = self.store.keys.children(execution_id)
        entries = await self.store.redis.lrange(key, first, first + limit - 1)
        found = await self.store.executions([entry.decode().split()[0] for entry in entries])
        following = str(first + limit) if len(entries) == limit else None
        return Page([child for child in found if child is not None], following)
