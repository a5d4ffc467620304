"""Reads deliveries: what is due, the log of a tenant, what an end has to say."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from redis.asyncio import Redis

from clients.redis_client import WrongKind
from orchestrator.definitions.targets import Target
from orchestrator.documents import exact_json
from orchestrator.execution.deliveries import Delivery
from orchestrator.redis_keys import Keys
from orchestrator.store.record_lists import newest_first, read_many
from orchestrator.store.records import read_event

log = logging.getLogger("headrace.store")

#: Events at the end of a history in which an error is looked for.
LAST_EVENTS = 100


class Deliveries:
    """The deliveries of every tenant."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def due(self, now_ms: int, limit: int, *, offset: int = 0) -> list[str]:
        """Ids of deliveries whose next attempt is due, longest due first."""
        rows = await self._redis.zrange(
            self._keys.shared("deliveries_due"), "-inf", str(now_ms), byscore=True, offset=offset, num=limit
        )
        return [row.decode(errors="replace") for row in rows]

    async def places(self, delivery_ids: Sequence[str]) -> list[tuple[str, str] | None]:
        """Tenant and place of each, in order; None where there is no record that could be read."""
        pipe = self._redis.pipeline(transaction=False)
        for delivery_id in delivery_ids:
            pipe.hmget(self._keys.key("delivery", delivery_id=delivery_id), "tenant", "target")
        answers = await pipe.execute(raise_on_error=False) if delivery_ids else []
        return [_place(row) for row in answers]

    async def put_off(self, until_ms: Mapping[str, int]) -> None:
        """Move what is due to a later moment, unless it is claimed by then, or due even later."""
        if until_ms:
            key = self._keys.shared("deliveries_due")
            await self._redis.zadd(key, dict(until_ms), xx=True, gt=True)

    async def forget_due(self, delivery_ids: Sequence[str]) -> None:
        """Take out what has no record that could be read: it would stand first for ever."""
        if delivery_ids:
            log.error("delivery.unreadable", extra={"delivery_ids": list(delivery_ids)[:20]})
            await self._redis.zrem(self._keys.shared("deliveries_due"), *delivery_ids)

    async def read(self, delivery_ids: Sequence[str]) -> list[Delivery | None]:
        """Read records, in order; None for one that is gone or damaged."""
        keys = {each: self._keys.key("delivery", delivery_id=each) for each in delivery_ids}
        return await read_many(self._redis, keys, _delivery, what="delivery")

    async def list_ids(
        self, tenant: str, *, newest_ms: str, offset: int, count: int
    ) -> list[tuple[str, int]]:
        """Ids of a tenant's deliveries and times of the ends they are about, see `newest_first`."""
        key = self._keys.key("deliveries", tenant=tenant)
        return await newest_first(self._redis, key, newest_ms=newest_ms, offset=offset, count=count)

    async def of_execution(self, execution_id: str) -> list[str]:
        """Ids of the deliveries about the ends of one execution, newest first."""
        ids = await self._redis.lrange(self._keys.key("deliveries_of", execution_id=execution_id), 0, -1)
        return [each.decode() for each in reversed(ids)]

    async def newest_failure(self, execution_id: str) -> dict[str, Any] | None:
        """The error of the node that failed last, with its node_id; None where none is near the end."""
        rows = await self._redis.xrevrange(self._keys.events(execution_id), count=LAST_EVENTS)
        for entry_id, fields in rows:
            if fields.get(b"type") == b"node.failed":
                event = read_event(execution_id, entry_id, fields)
                try:
                    error = exact_json.loads(event.data)["error"]
                except orjson.JSONDecodeError:
                    return None
                return {**error, "node_id": event.node_id} if isinstance(error, dict) else None
        return None


def _place(row: Any) -> tuple[str, str] | None:
    if isinstance(row, Exception) and not isinstance(row, WrongKind):
        raise row
    if isinstance(row, WrongKind) or row[0] is None or row[1] is None:
        return None
    try:
        return row[0].decode(), Target.from_json(row[1]).place
    except ValueError:
        return None


def _delivery(delivery_id: str, row: Mapping[bytes, bytes]) -> Delivery | None:
    return Delivery.from_redis(delivery_id, row) if row else None
