"""Reads what executions that ended have added to the statistics of a day."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from orchestrator.execution.statistics import Statistics, read_statistics
from orchestrator.redis_keys import Keys

#: Days read in one round trip.
SLICE = 31


class StatisticsRows:
    """The statistics of every tenant, a hash for each day."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def between(self, tenant: str, first_day: int, last_day: int) -> Statistics:
        """Add up the days of a tenant, both bounds included; days count from 1970, UTC."""
        rows: list[dict[bytes, bytes]] = []
        for start in range(first_day, last_day + 1, SLICE):
            pipe = self._redis.pipeline(transaction=False)
            for day in range(start, min(start + SLICE, last_day + 1)):
                pipe.hgetall(self._keys.key("statistics", tenant=tenant, day=str(day)))
            rows += await pipe.execute()
        return read_statistics(rows)
