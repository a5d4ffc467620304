"""Reads the registry of workflows: records by id, ids by name, versions with their documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from clients.redis_wire import Wire
from orchestrator.definitions.registry import Source, WorkflowRecord, WorkflowVersion
from orchestrator.errors import StoreDamaged
from orchestrator.redis_keys import Keys
from orchestrator.store.record_lists import newest_first, read_many

_VERSION_FIELDS = ("hash", "title", "media_type", "created_ms")


class WorkflowRecords:
    """The workflows of every tenant; what is another tenant's has another key, and is unknown."""

    def __init__(self, redis: Redis, keys: Keys, wire: Wire) -> None:
        """wire: for the question that every start asks."""
        self._redis: Any = redis
        self._keys = keys
        self._wire = wire

    async def id_of(self, tenant: str, name: str) -> str | None:
        """The id of the workflow of a name."""
        found = await self._redis.hget(self._keys.key("names", tenant=tenant), name)
        return found.decode() if found else None

    async def names(self, tenant: str, most: int) -> list[str]:
        """Names of a tenant's workflows, some where there are more than `most`."""
        _, found = await self._redis.hscan(self._keys.key("names", tenant=tenant), 0, count=most)
        return [name.decode(errors="replace") for name in list(found)[:most]]

    async def record(self, tenant: str, workflow_id: str) -> WorkflowRecord | None:
        """Read one record. Raises StoreDamaged for one that no engine wrote."""
        (row,) = await self._wire.ask([("HGETALL", self._key(tenant, workflow_id))])
        try:
            return read_record(tenant, row)
        except ValueError as error:
            raise StoreDamaged(f"workflow {workflow_id}: {error}") from error

    async def records(self, tenant: str, workflow_ids: Sequence[str]) -> list[WorkflowRecord]:
        """Read many records; what is gone meanwhile, or damaged, is left out."""
        keys = {each: self._key(tenant, each) for each in workflow_ids}
        found = await read_many(self._redis, keys, lambda _, row: read_record(tenant, row), what="workflow")
        return [record for record in found if record]

    async def list_ids(
        self, tenant: str, *, newest_ms: str, offset: int, count: int
    ) -> list[tuple[str, int]]:
        """Ids and times of creation, see `newest_first`."""
        key = self._keys.key("registry", tenant=tenant)
        return await newest_first(self._redis, key, newest_ms=newest_ms, offset=offset, count=count)

    async def versions(self, tenant: str, workflow_id: str, numbers: Sequence[int]) -> list[WorkflowVersion]:
        """Read versions without their documents; what is not there is left out."""
        pipe = self._redis.pipeline(transaction=False)
        for number in numbers:
            pipe.hmget(self._version_key(tenant, workflow_id, number), _VERSION_FIELDS)
        rows = await pipe.execute() if numbers else []
        return [
            WorkflowVersion(number, row[0].decode(), row[1].decode(), row[2].decode(), int(row[3]))
            for number, row in zip(numbers, rows, strict=True)
            if row[0] is not None
        ]

    async def definition(self, tenant: str, workflow_id: str, version: int) -> bytes | None:
        """The definition of a version, JSON."""
        found: bytes | None = await self._redis.hget(
            self._version_key(tenant, workflow_id, version), "definition"
        )
        return found

    async def source(self, tenant: str, workflow_id: str, version: int) -> Source | None:
        """The document of a version as its writer sent it."""
        text, media_type = await self._redis.hmget(
            self._version_key(tenant, workflow_id, version), ("source", "media_type")
        )
        return None if text is None else Source(text, media_type.decode())

    def _key(self, tenant: str, workflow_id: str) -> str:
        return self._keys.key("registered", tenant=tenant, workflow_id=workflow_id)

    def _version_key(self, tenant: str, workflow_id: str, version: int) -> str:
        return self._keys.key("version", tenant=tenant, workflow_id=workflow_id, version=str(version))


def read_record(tenant: str, row: Mapping[bytes, bytes] | Sequence[bytes]) -> WorkflowRecord | None:
    """Read a record from its fields and values, in turn or paired; None where there is none."""
    fields = row if isinstance(row, Mapping) else dict(zip(row[::2], row[1::2], strict=True))
    return WorkflowRecord.from_redis(tenant, fields) if fields else None
