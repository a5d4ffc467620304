"""Reads the indexes of executions and their keys; finds lost and purged ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from clients.redis_wire import Wire
from headrace.names import is_id
from orchestrator.redis_keys import Keys
from orchestrator.states import PURGEABLE, ExecutionStatus
from orchestrator.store.record_lists import newest_first
from orchestrator.store.records import is_damaged, log_unreadable, read_text
from orchestrator.store.requests import digest_of

#: Executions read by one command.
SLICE = 500
#: Statuses of executions that are in the set of active ones.
UNDER_WAY = frozenset(str(status).encode() for status in ExecutionStatus if status.is_under_way)
#: Statuses of executions that may be purged.
OVER = frozenset(str(status).encode() for status in PURGEABLE)


class Index:
    """Reads ids by their key or their place in an index, and statuses alone."""

    def __init__(self, redis: Redis, keys: Keys, wire: Wire) -> None:
        self._redis: Any = redis
        self._keys = keys
        self._wire = wire

    async def counts(self, tenants: Sequence[str]) -> dict[str, int]:
        """Number of executions in the index of each tenant, ended ones too; without those that have none."""
        pipe = self._redis.pipeline(transaction=False)
        for tenant in tenants:
            pipe.zcard(self._keys.index(tenant))
        counts = await pipe.execute() if tenants else []
        return {tenant: int(count) for tenant, count in zip(tenants, counts, strict=True) if count}

    async def named(self, tenant: str, name: str) -> str | None:
        """Id of the execution of a tenant that a text names, by its id or, if none has that, by its key.

        Both are looked up in any case, in one round trip: what is another tenant's takes as long as what is
        nobody's. A text that can be no id is no part of a key's name either.
        """
        digest = digest_of(name)
        pipe = self._redis.pipeline(transaction=False)
        pipe.hmget(self._keys.runtime(name if is_id(name) else digest), "v", "tenant")
        pipe.get(self._keys.key("execution_key", tenant=tenant, key=digest))
        (layout, owner), holder = await pipe.execute()
        if layout is not None and (owner or b"default").decode() == tenant:
            return name
        return holder.decode() if holder else None

    async def holder(self, tenant: str, key: str) -> str | None:
        """Id of the execution that holds an execution key of a tenant."""
        holder = await self._redis.get(self._keys.key("execution_key", tenant=tenant, key=digest_of(key)))
        return holder.decode() if holder else None

    async def statuses(self, execution_ids: Sequence[str]) -> dict[str, ExecutionStatus]:
        """Read statuses alone, with one command; what does not exist or is damaged is left out."""
        if not execution_ids:
            return {}
        (words,) = await self._wire.ask([("MGET", *(self._keys.status(each) for each in execution_ids))])
        found: dict[str, ExecutionStatus] = {}
        for execution_id, word in zip(execution_ids, words, strict=True):
            if word:
                try:
                    found[execution_id] = ExecutionStatus(word.decode())
                except ValueError as error:
                    log_unreadable(execution_id, error)
        return found

    def keys_of(self, tenant: str, workflow_id: str | None, labels: Sequence[str]) -> list[str]:
        """Name the indexes that list what has this workflow and these labels, given by their digests."""
        keys = [self._keys.key("label_index", tenant=tenant, label=digest) for digest in labels]
        if workflow_id is not None:
            keys.append(self._keys.key("workflow_index", tenant=tenant, workflow_id=workflow_id))
        return keys or [self._keys.index(tenant)]

    async def under_way(self, tenant: str) -> int:
        """Number of executions of a tenant that are RUNNING or PAUSED."""
        keys = [self._keys.shared("active"), self._keys.index(tenant)]
        return int(await self._redis.zintercard(len(keys), keys))

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
        """Ids and times of creation, see `newest_first`."""
        return await newest_first(
            self._redis, key, newest_ms=newest_ms, oldest_ms=oldest_ms, offset=offset, count=count
        )

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

    async def names(self, execution_ids: Sequence[str]) -> dict[str, str]:
        """Those of the executions that there are, each with the name of its definition."""
        pipe = self._redis.pipeline(transaction=False)
        for execution_id in execution_ids:
            pipe.exists(self._keys.status(execution_id))
            pipe.hget(self._keys.runtime(execution_id), "name")
        answers = await pipe.execute() if execution_ids else []
        rows = zip(execution_ids, answers[::2], answers[1::2], strict=True)
        return {each: read_text(name) or "" for each, is_there, name in rows if is_there}

    async def due(self, name: str, before_ms: int, limit: int) -> list[str]:
        """Ids in the set `ended`, `expiring` or `purging` whose moment has come, oldest first."""
        members = await self._redis.zrange(
            self._keys.shared(name), "-inf", str(before_ms), byscore=True, offset=0, num=limit
        )
        return [member.decode(errors="replace") for member in members]

    async def first_ms(self, name: str) -> int | None:
        """The first moment in one of these sets; None while it is empty."""
        first = await self._redis.zrange(self._keys.shared(name), 0, 0, withscores=True)
        return int(first[0][1]) if first else None

    async def expires_ms(self, execution_id: str) -> int | None:
        """When the retention of an execution is looked at next; None where nothing purges it by itself."""
        score = await self._redis.zscore(self._keys.shared("expiring"), execution_id)
        return None if score is None else int(score)

    async def expiring(self, cursor: int, count: int) -> tuple[int, list[str]]:
        """Scan what waits for its purge, about `count` at a time; the cursor is 0 after the last."""
        key = self._keys.shared("expiring")
        following, members = await self._redis.zscan(key, cursor, count=count)
        return following, [member.decode(errors="replace") for member, _ in members]

    async def applied_retention(self) -> str | None:
        """The retention that all of that was looked at with, as scripts read it."""
        words = await self._redis.get(self._keys.shared("retention"))
        return words.decode() if words else None

    async def unlisted(self, tenant: str, *, most: int) -> int:
        """Count, among the oldest executions of a tenant, those over or unstarted that no loop will purge.

        They are in neither `ended` nor `expiring`, and are no children.
        most  how many are looked at.
        """
        index, found = self._keys.index(tenant), 0
        for first in range(0, most, SLICE):
            ids = await self._redis.zrange(index, first, min(first + SLICE, most) - 1)
            if not ids:
                break
            pipe = self._redis.pipeline(transaction=False)
            pipe.mget([self._keys.status(each.decode(errors="replace")) for each in ids])
            for name in ("ended", "expiring"):
                pipe.zmscore(self._keys.shared(name), ids)
            for each in ids:
                pipe.hget(self._keys.runtime(each.decode(errors="replace")), "parent")
            words, ended, expiring, *parents = await pipe.execute(raise_on_error=False)
            rows = zip(words, ended, expiring, parents, strict=True)
            found += sum(word in OVER and not any(row) for word, *row in rows)
        return found

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
