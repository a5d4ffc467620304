"""Reads what lists of records have in common: a part of an index, and many records at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis

from clients.redis_client import WrongKind

log = logging.getLogger("headrace.store")

R = TypeVar("R")


async def newest_first(
    redis: Redis, key: str, *, newest_ms: str, oldest_ms: str = "-inf", offset: int, count: int
) -> list[tuple[str, int]]:
    """Read members of an index and their times; those of one millisecond in descending order of member.

    newest_ms, oldest_ms  bounds as ZRANGE takes them.
    """
    rows: Any = await redis.zrange(
        key, newest_ms, oldest_ms, desc=True, byscore=True, offset=offset, num=count, withscores=True
    )
    return [(member.decode(errors="replace"), int(score)) for member, score in rows]


async def read_many(
    redis: Redis,
    keys: Mapping[str, str],
    read: Callable[[str, Mapping[bytes, bytes]], R | None],
    *,
    what: str,
) -> list[R | None]:
    """Read many records, in order; None for one that is gone, or damaged, which is logged.

    keys  of the records, by their ids.
    read  makes a record of an id and fields; raises ValueError, KeyError, TypeError for what no engine wrote.
    what  such as `workflow`.
    """
    pipe = redis.pipeline(transaction=False)
    for key in keys.values():
        pipe.hgetall(key)
    answers: Sequence[Any] = await pipe.execute(raise_on_error=False) if keys else []
    found: list[R | None] = []
    for record_id, row in zip(keys, answers, strict=True):
        if isinstance(row, Exception) and not isinstance(row, WrongKind):
            raise row
        try:
            found.append(None if isinstance(row, WrongKind) else read(record_id, row))
        except (ValueError, KeyError, TypeError) as error:
            log.error(f"{what}.unreadable", extra={f"{what}_id": record_id, "error": str(error)})
            found.append(None)
    return found
