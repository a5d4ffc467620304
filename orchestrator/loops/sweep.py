"""Repairs running executions that lost a task, lease, timer or counter to a fault."""

from __future__ import annotations

import logging

from orchestrator.execution.model import Execution
from orchestrator.executor import execute_workflow
from orchestrator.states import ExecutionStatus
from orchestrator.store.reader import Store
from orchestrator.store.script_client import STORE_FAULTS
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.sweep")

#: Executions looked at in one run.
LIMIT = 200
#: A consumer idle for this long, with nothing pending, is removed.
CONSUMER_IDLE_MS = 3_600_000
#: A submission still staged after this long was abandoned.
STAGING_AGE_MS = 600_000


class Sweep:
    """Scans the members of workflows:active by cursor, and the index more slowly, in case an execution has
    been lost from that set.

    idle_ms  an execution with a younger event is making progress and is left alone.
    """

    def __init__(self, store: Store, transitions: Transitions, *, idle_ms: int = 10_000) -> None:
        self.store = store
        self.transitions = transitions
        self.idle_ms = idle_ms
        self._cursor = 0
        self._offset = 0
        self._run_id = ""
        self._is_thorough_round = False

    async def run_once(self, now_ms: int, *, limit: int = LIMIT, is_thorough: bool = False) -> int:
        """Repair up to `limit` executions; returns the repairs made. is_thorough looks at busy ones too."""
        if await self._has_restarted():
            # It may have lost the newest writes: look at all executions, busy or not, in a new round.
            self._cursor, self._is_thorough_round = 0, True
        repairs = 0
        for execution in await self.store.executions(await self._next(limit)):
            if execution is None or not _may_need_repair(execution):
                continue
            if is_thorough or self._is_thorough_round or now_ms - execution.updated_ms >= self.idle_ms:
                repairs += await self._repair(execution.execution_id)
        if self._cursor == 0:
            self._is_thorough_round = False
        await self._purge_staging()
        await self._forget_consumers()
        return repairs

    async def _repair(self, execution_id: str) -> int:
        try:
            return await execute_workflow(self.store, self.transitions, execution_id)
        except STORE_FAULTS:
            raise
        except Exception:
            # This execution cannot be read. It must not keep the sweep from all the others.
            log.exception("sweep.fault", extra={"execution_id": execution_id})
            return 0

    async def _next(self, limit: int) -> list[str]:
        self._cursor, active = await self.store.active_ids(self._cursor, limit)
        # A slower round: an execution is lost from the set by a fault of Redis only, never by one of ours.
        count = max(1, limit // 8)
        listed = await self.store.list_ids(
            "default", newest_ms="+inf", oldest_ms="-inf", offset=self._offset, count=count
        )
        self._offset = self._offset + count if len(listed) == count else 0
        rows = await self.store.executions([execution_id for execution_id, _ in listed])
        lost = [
            row.execution_id
            for row in rows
            if row and _may_need_repair(row) and row.execution_id not in active
        ]
        return active + lost

    async def _has_restarted(self) -> bool:
        """Say whether this is another Redis process than last time: it may have lost the newest writes."""
        run_id, self._run_id = self._run_id, await self.store.run_id()
        return bool(run_id) and run_id != self._run_id

    async def _forget_consumers(self) -> None:
        """Forget consumers of workers that are gone: every restarted container leaves a name behind."""
        for queue in await self.store.queue_names():
            await self.transitions.forget_consumers(queue, idle_ms=CONSUMER_IDLE_MS)

    async def _purge_staging(self) -> None:
        for execution_id in await self.store.staged_ids(10):
            more = True
            while more:
                _, more = await self.transitions.purge_staging(execution_id, age_ms=STAGING_AGE_MS)


def _may_need_repair(execution: Execution) -> bool:
    """A PENDING execution needs nothing, unless its cancel has begun and stopped half-way."""
    if execution.status is ExecutionStatus.PENDING:
        return execution.cancelling is not None
    return execution.status.is_under_way
