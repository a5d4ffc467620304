"""Reads the indexes of executions, and finds those that the set of active ones has lost."""

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
    """Reads ids by their place in an index, and statuses alone."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def count(self, tenant: str) -> int:
        """Number of executions in the index, ended ones too."""
        return int(await self._redis.zcard(self._keys.index(tenant)))

    def keys_of(self, tenant: str, workflow_id: str | None, labels: Sequence[str]) -> list[str]:
        """Name the indexes that list what has this workflow and these labels, given by their digests."""
        keys = [self._keys.key("label_index", tenant=tenant, label=digest) for digest in labels]
        if workflow_id is not None:
            keys.append(self._keys.key("workflow_index", tenant=tenant, workflow_id=workflow_id))
        return keys or [self._keys.index(tenant)]

    async def narrowest_first(self, keys: Sequence[str]) -> list[str]:
        """Order indexes by the number of their executions."""
        if len(keys) < 2:
            return list(keys)
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            pipe.zcard(key)
        counts = await pipe.execute()
        return [key for _, key in sorted(zip(counts, keys, strict=True))]

    async def rows(
        self, key: str, *, newest_ms: str, oldest_ms: str, offset: int, count: int
    ) -> list[tuple[str, int]]:
        """Ids and creation times, newest first; bounds as ZRANGE takes them."""
        rows = await self._redis.zrange(
            key, newest_ms, oldest_ms, desc=True, byscore=True, offset=offset, num=count, withscores=True
        )
        return [(member.decode(), int(score)) for member, score in rows]

    async def members(self, keys: Sequence[str], execution_ids: Sequence[str]) -> list[str]:
        """Those of the ids that stand in every one of these indexes, in order."""
        if not keys or not execution_ids:
            return list(execution_ids)
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            pipe.zmscore(key, list(execution_ids))
        scores = await pipe.execute()
        found = zip(execution_ids, *scores, strict=True)
        return [execution_id for execution_id, *each in found if None not in each]

    async def ids(self, tenant: str, first: int, count: int) -> list[str]:
        """Ids by their place in the index, newest first: what is added meanwhile hides none of the older."""
        rows = await self._redis.zrange(self._keys.index(tenant), first, first + count - 1, desc=True)
        return [member.decode(errors="replace") for member in rows]

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
