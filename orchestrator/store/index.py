"""Reads the index of all executions; finds those that the set of active ones has lost, and the purged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from orchestrator.redis_keys import Keys
from orchestrator.states import ExecutionStatus
from orchestrator.store.records import is_damaged

#: Executions read by one command.
SLICE = 500
#: Statuses of executions that are in the set of active ones.
UNDER_WAY = frozenset(str(status).encode() for status in ExecutionStatus if status.is_under_way)


class Index:
    """Reads ids by their place in the index, and statuses alone."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def count(self, tenant: str) -> int:
        """Number of executions in the index, ended ones too."""
        return int(await self._redis.zcard(self._keys.index(tenant)))

    async def ids(self, tenant: str, first: int, count: int) -> list[str]:
        """Ids by their place in the index, newest first: what is added meanwhile hides none of the older."""
        rows = await self._redis.zrange(self._keys.index(tenant), first, first + count - 1, desc=True)
        return [member.decode(errors="replace") for member in rows]

    async def present(self, execution_ids: Sequence[str]) -> set[str]:
        """Those of the executions that there are."""
        pipe = self._redis.pipeline(transaction=False)
        for execution_id in execution_ids:
            pipe.exists(self._keys.status(execution_id))
        answers = await pipe.execute() if execution_ids else []
        return {each for each, is_there in zip(execution_ids, answers, strict=True) if is_there}

    async def purging(self, before_ms: int, limit: int) -> list[str]:
        """Ids of executions purged before a moment of which keys are left, oldest first."""
        members = await self._redis.zrange(
            self._keys.shared("purging"), "-inf", str(before_ms), byscore=True, offset=0, num=limit
        )
        return [member.decode(errors="replace") for member in members]

    async def strays(self, execution_ids: Sequence[str]) -> list[str]:
        """Ids of those that the scan of active ones does not meet, and that have not ended.

        They are under way and lost from that set, or were not started and are being cancelled.
        """
        found: list[str] = []
        for first in range(0, len(execution_ids), SLICE):
            part = execution_ids[first : first + SLICE]
            words = await self._redis.mget([self._keys.status(each) for each in part])
            said = list(zip(part, words, strict=True))
            under_way = [each for each, word in said if word in UNDER_WAY]
            pending = [each for each, word in said if word == b"PENDING"]
            pipe = self._redis.pipeline(transaction=False)
            for each in pending:
                pipe.hget(self._keys.runtime(each), "cancelling")
            if under_way:
                pipe.smismember(self._keys.shared("active"), under_way)
            answers = await pipe.execute(raise_on_error=False) if pending or under_way else []
            if under_way:
                are_active = answers.pop()
                if isinstance(are_active, Exception):
                    raise are_active
                found += [
                    each for each, is_active in zip(under_way, are_active, strict=True) if not is_active
                ]
            found += [
                each
                for each, cancelling in zip(pending, answers, strict=True)
                if cancelling and not is_damaged(each, cancelling)
            ]
        return found
