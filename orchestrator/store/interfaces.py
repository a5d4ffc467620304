"""Reads what definitions declare of their events, as workers check it."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from orchestrator.definitions.cache import DefinitionCache
from orchestrator.definitions.interface import Interface
from orchestrator.redis_keys import Keys


class Interfaces:
    """The interfaces of definitions, kept by what names their content."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys
        self._kept = DefinitionCache[str, Interface](max_entries=64)

    def kept(self, digest: str) -> Interface | None:
        """Give one that was read before."""
        return self._kept.get(digest)

    async def read(self, execution_id: str, tenant: str, digest: str) -> Interface | None:
        """Read the interface of an execution's definition; None where its static layout is lost.

        digest  of its content, as the specs of its nodes name it.
        """
        layout = await self._redis.hget(self._keys.runtime(execution_id), "layout")
        key = self._keys.layout(tenant, (layout or b"none").decode())
        text = await self._redis.hget(key, "interface")
        if text is None:
            return None
        return self._kept.put(digest, Interface.from_text(text), text_bytes=len(text))
