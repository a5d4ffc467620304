"""Reads schedules: by id, by name, by workflow, and those that are due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.errors import StoreDamaged
from orchestrator.redis_keys import SEPARATOR, Keys
from orchestrator.store.record_lists import newest_first, read_many


class ScheduleRecords:
    """The schedules of every tenant; what is another tenant's has another key, and is unknown."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def id_of(self, tenant: str, name: str) -> str | None:
        """The id of the schedule of a name."""
        found = await self._redis.hget(self._keys.key("schedule_names", tenant=tenant), name)
        return found.decode() if found else None

    async def names(self, tenant: str, most: int) -> list[str]:
        """Names of a tenant's schedules, some where there are more than `most`."""
        key = self._keys.key("schedule_names", tenant=tenant)
        _, found = await self._redis.hscan(key, 0, count=most)
        return [name.decode(errors="replace") for name in list(found)[:most]]

    async def record(self, tenant: str, schedule_id: str) -> ScheduleRecord | None:
        """Read one schedule. Raises StoreDamaged for one that no engine wrote."""
        row = await self._redis.hgetall(self._key(tenant, schedule_id))
        try:
            return read_schedule_record(tenant, row)
        except ValueError as error:
            raise StoreDamaged(f"schedule {schedule_id}: {error}") from error

    async def records(self, tenant: str, schedule_ids: Sequence[str]) -> list[ScheduleRecord]:
        """Read many; what is gone meanwhile, or damaged, is left out."""
        keys = {each: self._key(tenant, each) for each in schedule_ids}
        found = await read_many(
            self._redis, keys, lambda _, row: read_schedule_record(tenant, row), what="schedule"
        )
        return [record for record in found if record]

    async def list_ids(
        self, tenant: str, *, workflow_id: str | None, newest_ms: str, offset: int, count: int
    ) -> list[tuple[str, int]]:
        """Ids and times of creation, see `newest_first`; workflow_id: of this one only."""
        key = (
            self._keys.key("schedule_index", tenant=tenant)
            if workflow_id is None
            else self._keys.key("schedules_of", tenant=tenant, workflow_id=workflow_id)
        )
        return await newest_first(self._redis, key, newest_ms=newest_ms, offset=offset, count=count)

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
