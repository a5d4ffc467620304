"""The content of a key, whatever its type, for comparing databases."""

from __future__ import annotations

from typing import Any


async def content_of(redis: Any, key: bytes, kind: str) -> Any:
    """Read a key of a type."""
    match kind:
        case "string":
            return await redis.get(key)
        case "hash":
            return await redis.hgetall(key)
        case "list":
            return await redis.lrange(key, 0, -1)
        case "set":
            return await redis.smembers(key)
        case "zset":
            return await redis.zrange(key, 0, -1, withscores=True)
        case "stream":
            groups = await redis.xinfo_groups(key)
            pending = [
                [row["message_id"] for row in await redis.xpending_range(key, group["name"], "-", "+", 1_000)]
                for group in groups
            ]
            return await redis.xrange(key), pending
    raise AssertionError(f"{key!r} is a {kind}")
