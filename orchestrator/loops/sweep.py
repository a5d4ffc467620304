"""Repairs running executions that lost a task, lease, timer or counter to a fault."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any

from headrace.backoff import Backoff
from orchestrator.execution.model import Execution
from orchestrator.executor import execute_workflow, remove_keys
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.states import ExecutionStatus
from orchestrator.store.reader import Store
from orchestrator.store.script_client import STORE_OUTAGES
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.sweep")

#: Executions looked at in one run.
LIMIT = 200
#: Rounds in which the indexes of all tenants are looked through, whatever their length; a round is a second.
INDEX_ROUNDS = 40
#: Rows of indexes looked at in one run, at most: about 20 ms of Redis.
MOST_ROWS = 20_000
#: Tenants whose indexes are read in one run, at most.
MOST_TENANTS = 200
#: Between two looks at an execution that could not be read.
DAMAGED = Backoff(first_s=30.0, most_s=600.0, jitter=(0.9, 1.0))
#: Damaged executions remembered; beyond them all are looked at again.
MOST_DAMAGED = 10_000
#: A consumer idle for this long, with nothing pending, is removed.
CONSUMER_IDLE_MS = 3_600_000
#: A submission still staged after this long was abandoned.
STAGING_AGE_MS = 600_000
#: A static layout that no execution has pointed to for this long is removed, so many in one run at most.
LAYOUT_AGE_MS = 3_600_000
MOST_LAYOUTS = 50


class Sweep:
    """Scans the members of workflows:active by cursor, and the index of every tenant within a minute, in case
    an execution has been lost from that set.

    idle_ms  an execution with a younger event is making progress and is left alone.
    """

    def __init__(self, store: Store, transitions: Transitions, *, idle_ms: int = 10_000) -> None:
        self.store = store
        self.transitions = transitions
        self.idle_ms = idle_ms
        self._cursor = 0
        #: Tenants whose indexes are still to be read in this round, the place reached in the first one's, and
        #: how many rows make up a round.
        self._tenants: list[str] = []
        self._offset = 0
        self._listed = 0
        self._run_id = ""
        self._is_thorough_round = False
        #: Whether indexes are read as fast as may be: what was active before this process began is unknown.
        self._is_hurried = True
        #: Executions that cannot be read: how often that was tried, and when it is tried again.
        self._damaged: dict[str, tuple[int, float]] = {}

    async def run_once(self, now_ms: int, *, limit: int = LIMIT, is_thorough: bool = False) -> int:
        """Repair up to `limit` executions; returns the repairs made. is_thorough looks at busy ones too."""
        if await self._has_restarted():
            # It may have lost the newest writes: look at all executions, busy or not, in a new round.
            self._cursor, self._is_thorough_round = 0, True
            self._tenants, self._offset, self._is_hurried = [], 0, True
        is_thorough = is_thorough or self._is_thorough_round
        self._cursor, active = await self.store.active_ids(self._cursor, limit)
        lost = await self._lost(limit)
        repairs = 0
        for execution in await self.store.executions([*active, *lost]):
            if execution is None or not _may_need_repair(execution):
                continue
            is_lost = execution.status.is_under_way and execution.execution_id in lost
            if is_lost or is_thorough or now_ms - execution.updated_ms >= self.idle_ms:
                repairs += await self._apart(
                    execution.execution_id,
                    now_ms,
                    execute_workflow(self.store, self.transitions, execution.execution_id),
                )
        if self._cursor == 0:
            self._is_thorough_round = False
        await self._purge_staging(now_ms)
        await self._forget_consumers()
        await self._drop_layouts(now_ms)
        return repairs

    async def _apart(self, execution_id: str, now_ms: int, work: Coroutine[Any, Any, int]) -> int:
        """Do what concerns one execution. One that is damaged is passed over, and left alone for a while."""
        tries, due_ms = self._damaged.get(execution_id, (0, 0.0))
        if now_ms < due_ms:
            work.close()
            return 0
        try:
            done = await work
        except STORE_OUTAGES:
            raise
        except Exception:
            # It must not keep the sweep from all the others.
            log.exception("sweep.fault", extra={"execution_id": execution_id})
            if len(self._damaged) >= MOST_DAMAGED:
                self._damaged.clear()
            self._damaged[execution_id] = (tries + 1, now_ms + 1000 * DAMAGED.pause_s(tries + 1))
            return 0
        self._damaged.pop(execution_id, None)
        return done

    async def _lost(self, limit: int) -> list[str]:
        """Look through a part of the indexes for executions that the scan of active ones does not meet."""
        if not self._tenants:
            counts = await self.store.index.counts([DEFAULT_TENANT, *await self.store.access.names()])
            self._tenants, self._listed = list(counts), sum(counts.values())
        room = min(MOST_ROWS, max(limit // 8, self._listed // INDEX_ROUNDS, 1))
        room = MOST_ROWS if self._is_hurried else room
        found: list[str] = []
        for _ in range(min(len(self._tenants), MOST_TENANTS)):
            ids = await self.store.index.ids(self._tenants[0], self._offset, room)
            found += ids
            self._offset += len(ids)
            if len(ids) == room:
                break
            room -= len(ids)
            self._offset = 0
            del self._tenants[0]
        self._is_hurried = self._is_hurried and bool(self._tenants)
        return await self.store.index.strays(found)

    async def _has_restarted(self) -> bool:
        """Say whether this is another Redis process than last time: it may have lost the newest writes."""
        run_id, self._run_id = self._run_id, await self.store.run_id()
        return bool(run_id) and run_id != self._run_id

    async def _forget_consumers(self) -> None:
        """Forget consumers of workers that are gone: every restarted container leaves a name behind."""
        for queue in await self.store.queue_names():
            await self.transitions.forget_consumers(queue, idle_ms=CONSUMER_IDLE_MS)

    async def _drop_layouts(self, now_ms: int) -> None:
        """Remove static layouts whose last execution was purged an hour ago, or that never had one."""
        for tenant, digest in await self.store.unused_layouts(now_ms - LAYOUT_AGE_MS, MOST_LAYOUTS):
            await self.transitions.drop_layout(tenant, digest, age_ms=LAYOUT_AGE_MS)

    async def _purge_staging(self, now_ms: int) -> None:
        for execution_id in await self.store.staged_ids(10 + len(self._damaged)):
            await self._apart(execution_id, now_ms, self._purge(execution_id))

    async def _purge(self, execution_id: str) -> int:
        _, is_hidden = await self.transitions.purge_staging(execution_id, age_ms=STAGING_AGE_MS)
        if is_hidden:
            await remove_keys(self.transitions, execution_id)
        return int(is_hidden)


def _may_need_repair(execution: Execution) -> bool:
    """A PENDING execution needs nothing, unless its cancel has begun and stopped half-way.

    One of an older layout is for the version that wrote it.
    """
    if execution.older_layout is not None:
        return False
    if execution.status is ExecutionStatus.PENDING:
        return execution.cancelling is not None
    return execution.status.is_under_way
