"""Reads what is known of a deployment as a whole: dead letters, repairs, memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from orchestrator.redis_keys import Keys


class DeploymentFacts:
    """Numbers that belong to no execution."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def dead_count(self, tenants: Sequence[str]) -> int:
        """Count the dead letters of some tenants."""
        pipe = self._redis.pipeline(transaction=False)
        for tenant in tenants:
            pipe.xlen(self._keys.key("dead", tenant=tenant))
        return sum(await pipe.execute())

    async def repairs(self) -> dict[str, int]:
        """The repairs of the sweep since the beginning, by kind."""
        found = await self._redis.hgetall(self._keys.shared("repairs"))
        return {kind.decode(): int(count) for kind, count in found.items()}

    async def memory(self) -> tuple[int, int]:
        """Bytes that Redis uses, and those that it may use; 0: it has no limit."""
        facts = await self._redis.info("memory")
        return int(facts["used_memory"]), int(facts.get("maxmemory", 0))
