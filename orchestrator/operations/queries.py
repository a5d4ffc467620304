"""What operators look at: lists of executions, queues, places in a queue, dead nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from orchestrator.definitions.budgets import Usage
from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import DeadEntry, Execution, QueueInfo, Snapshot, WorkerInfo
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
        found = await self.store.usage_rows(tenant, range(today, today - days, -1))
        return [((today - back) * DAY_MS, used) for back, used in enumerate(found)]

    async def queues(self) -> list[QueueInfo]:
        """The queue `default`, every queue a definition has named, and every queue a live worker reads."""
        names = set(await self.store.queue_names())
        for worker in await self.store.workers():
            names.update(worker.queues)
        return [await self.store.queue_info(name) for name in sorted(names)]

    async def queue_positions(self, snapshot: Snapshot) -> dict[str, int]:
        """Tasks ahead of each QUEUED node of an execution, where known."""
        positions: dict[str, int] = {}
        waiting = {
            node.id: (node.queue, snapshot.nodes[node.id].message_id)
            for node in snapshot.definition.nodes
            if snapshot.nodes[node.id].status is NodeStatus.QUEUED
        }
        for queue in {queue for queue, _ in waiting.values()}:
            heads = await self.store.queue_heads(queue, MOST_PLACES)
            place = {message_id: number for number, message_id in enumerate(heads)}
            for node_id, (its_queue, message_id) in waiting.items():
                if its_queue == queue and message_id in place:
                    positions[node_id] = place[message_id]
        return positions

    async def dead(self, *, limit: int, cursor: str | None) -> tuple[list[DeadEntry], str | None]:
        """Dead nodes, newest first. Raises ValueError for a bad cursor."""
        if cursor and not _ENTRY_ID.fullmatch(cursor):
            raise ValueError(f"bad cursor {cursor!r}: take next_cursor from the page before")
        entries = await self.store.dead_entries(limit + 1, before=cursor)
        return entries[:limit], entries[limit - 1].entry_id if len(entries) > limit else None

    async def dead_entry(self, entry_id: str) -> DeadEntry | None:
        return await self.store.dead_entry(entry_id) if _ENTRY_ID.fullmatch(entry_id) else None


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


class Parenting:
    """The part of the engine that knows who started whom."""

    store: Store

    async def children(self, execution_id: str, *, first: int, limit: int) -> Page:
        """Executions that nodes of this one started, oldest first, from place `first` on.

        Those that are no more are left out; the cursor is a place. Raises ExecutionNotFound.
        """
        if await self.store.status(execution_id) is None:
            raise ExecutionNotFound(execution_id)
        child_ids = await self.store.children_ids(execution_id, first, limit)
        found = await self.store.executions(child_ids)
        following = str(first + limit) if len(child_ids) == limit else None
        return Page([child for child in found if child is not None], following)
