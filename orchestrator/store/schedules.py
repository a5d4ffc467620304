"""Reads schedules: by id, by name, by workflow, and those that are due."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from clients.redis_client import WrongKind
from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.errors import StoreDamaged
from orchestrator.redis_keys import SEPARATOR, Keys

log = logging.getLogger("headrace.store")


class ScheduleRecords:
    """The schedules of every tenant; what is another tenant's has another key, and is unknown."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def id_of(self, tenant: str, name: str) -> str | None:
        """The id of the schedule of a name."""
        found = await self._redis.hget(self._keys.key("schedule_names", tenant=tenant), name)
        return found.decode() if found else None

    async def record(self, tenant: str, schedule_id: str) -> ScheduleRecord | None:
        """Read one schedule. Raises StoreDamaged for one that no engine wrote."""
        row = await self._redis.hgetall(self._key(tenant, schedule_id))
        try:
            return read_schedule_record(tenant, row)
        except ValueError as error:
            raise StoreDamaged(f"schedule {schedule_id}: {error}") from error

    async def records(self, tenant: str, schedule_ids: Sequence[str]) -> list[ScheduleRecord]:
        """Read many; what is gone meanwhile, or damaged, is left out."""
        pipe = self._redis.pipeline(transaction=False)
        for schedule_id in schedule_ids:
            pipe.hgetall(self._key(tenant, schedule_id))
        found = []
        answers = await pipe.execute(raise_on_error=False) if schedule_ids else []
        for schedule_id, row in zip(schedule_ids, answers, strict=True):
            if isinstance(row, Exception) and not isinstance(row, WrongKind):
                raise row
            try:
                if record := read_schedule_record(tenant, {} if isinstance(row, WrongKind) else row):
                    found.append(record)
            except ValueError as error:
                log.error("schedule.unreadable", extra={"schedule_id": schedule_id, "error": str(error)})
        return found

    async def list_ids(
        self, tenant: str, *, workflow_id: str | None, newest_ms: str, offset: int, count: int
    ) -> list[tuple[str, int]]:
        """Ids and times of creation, newest first; those of one millisecond in descending order of id."""
        key = (
            self._keys.key("schedule_index", tenant=tenant)
            if workflow_id is None
            else self._keys.key("schedules_of", tenant=tenant, workflow_id=workflow_id)
        )
        rows = await self._redis.zrange(
            key, newest_ms, "-inf", desc=True, byscore=True, offset=offset, num=count, withscores=True
        )
        return [(member.decode(errors="replace"), int(score)) for member, score in rows]

    async def due(self, now_ms: int, limit: int) -> list[tuple[str, str]]:
        """(tenant, schedule id) of those that are to be looked at, the longest overdue first."""
        members = await self._redis.zrange(
            self._keys.shared("schedules"), "-inf", str(now_ms), byscore=True, offset=0, num=limit
        )
        found = []
        for member in members:
            tenant, _, schedule_id = member.decode(errors="replace").partition(SEPARATOR)
            found.append((tenant, schedule_id))
        return found

    async def put_off(self, tenant: str, schedule_id: str, until_ms: int) -> None:
        """Move a schedule that cannot be dealt with out of the way of all others, for a while."""
        member = f"{tenant}{SEPARATOR}{schedule_id}"
        await self._redis.zadd(self._keys.shared("schedules"), {member: until_ms}, xx=True)

    async def forget(self, tenant: str, schedule_id: str) -> None:
        """Take a schedule that does not exist out of those that are looked at."""
        await self._redis.zrem(self._keys.shared("schedules"), f"{tenant}{SEPARATOR}{schedule_id}")

    def _key(self, tenant: str, schedule_id: str) -> str:
        return self._keys.key("schedule", tenant=tenant, schedule_id=schedule_id)


def read_schedule_record(tenant: str, row: Mapping[bytes, bytes] | Sequence[bytes]) -> ScheduleRecord | None:
    """Read a record from its fields and values, in turn or paired; None where there is none."""
    fields = row if isinstance(row, Mapping) else dict(zip(row[::2], row[1::2], strict=True))
    return ScheduleRecord.from_redis(tenant, fields) if fields else None
