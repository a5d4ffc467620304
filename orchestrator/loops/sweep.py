"""Goes round all running executions and repairs what faults took from them."""

from __future__ import annotations

from orchestrator.executor import execute_workflow
from orchestrator.states import ExecutionStatus
from orchestrator.store import Store
from orchestrator.transitions import Transitions

#: Executions looked at in one run.
LIMIT = 200
#: A consumer nobody has used for this long, with nothing pending, is forgotten.
CONSUMER_IDLE_MS = 3_600_000
#: A submission still staged after this long was abandoned.
STAGING_AGE_MS = 600_000


class Sweep:
    """One round after another, by cursor: first the members of workflows:active, then the newest of the
    index, in case an execution has been lost from that set.

    idle_ms  an execution with a younger event is going on by itself and is left alone.
    """

    def __init__(self, store: Store, transitions: Transitions, *, idle_ms: int = 10_000) -> None:
        self.store = store
        self.transitions = transitions
        self.idle_ms = idle_ms
        self._cursor = 0
        self._offset = 0
        self._run_id = ""

    async def run_once(self, now_ms: int, *, limit: int = LIMIT, is_thorough: bool = False) -> int:
        """Repair up to `limit` executions; returns the repairs made. is_thorough looks at busy ones too."""
        is_thorough = is_thorough or await self._has_restarted()
        made = 0
        for execution in await self.store.executions(await self._next(limit)):
            if execution is None or execution.status is not ExecutionStatus.RUNNING:
                continue
            if is_thorough or now_ms - execution.updated_ms >= self.idle_ms:
                made += await execute_workflow(self.store, self.transitions, execution.execution_id)
        await self._purge_staging()
        await self._forget_consumers()
        return made

    async def _next(self, limit: int) -> list[str]:
        redis, keys = self.store.redis, self.store.keys
        self._cursor, members = await redis.sscan(keys.shared("active"), self._cursor, count=limit)
        listed = await self.store.list_ids(
            "default", newest_ms="+inf", oldest_ms="-inf", offset=self._offset, count=limit
        )
        self._offset = self._offset + limit if len(listed) == limit else 0
        active = [member.decode() for member in members]
        rows = await self.store.executions([execution_id for execution_id, _ in listed])
        lost = [
            row.execution_id
            for row in rows
            if row and row.status is ExecutionStatus.RUNNING and row.execution_id not in active
        ]
        return active + lost

    async def _has_restarted(self) -> bool:
        """Say whether this is another Redis process than last time: it may have lost the newest writes."""
        facts = await self.store.redis.info("server")
        run_id, self._run_id = self._run_id, str(facts["run_id"])
        return bool(run_id) and run_id != self._run_id

    async def _forget_consumers(self) -> None:
        """Forget consumers of workers that are gone: every restarted container leaves a name behind."""
        named = await self.store.redis.smembers(self.store.keys.shared("queues"))
        for queue in ("default", *(name.decode() for name in named)):
            await self.transitions.forget_consumers(queue, idle_ms=CONSUMER_IDLE_MS)

    async def _purge_staging(self) -> None:
        members = await self.store.redis.zrange(self.store.keys.shared("staging"), 0, 9)
        for member in members:
            more = True
            while more:
                _, more = await self.transitions.purge_staging(member.decode(), age_ms=STAGING_AGE_MS)
