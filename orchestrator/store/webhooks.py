"""Reads hooks: records by path, the executions of deliveries by their ids, the list of a tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from orchestrator.definitions.webhooks import Kind, WebhookRecord
from orchestrator.errors import StoreDamaged
from orchestrator.redis_keys import Keys
from orchestrator.store.record_lists import newest_first, read_many


@dataclass(frozen=True, slots=True)
class Addressed:
    """What a delivery finds at its path.

    execution_id  of the execution that the same delivery has made.
    now_ms        Redis time.
    """

    record: WebhookRecord | None
    execution_id: str | None
    now_ms: int


class WebhookRecords:
    """The hooks of every tenant, by kind and path."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def addressed(self, kind: Kind, path: str, digest: str) -> Addressed:
        """Read what a delivery finds, in one round trip. digest: of its id, empty for one without.

        Raises StoreDamaged for a record that no engine wrote.
        """
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(self._key(kind, path))
        pipe.get(self._keys.key("ledger", kind=kind, path=path, digest=digest))
        pipe.time()
        row, known, (seconds, micros) = await pipe.execute()
        record = _read(kind, path, row)
        hook_id, _, execution_id = (known or b"").decode().partition(" ")
        is_its_own = record is not None and hook_id == record.hook_id
        return Addressed(record, execution_id if is_its_own else None, seconds * 1000 + micros // 1000)

    async def record(self, kind: Kind, path: str) -> WebhookRecord | None:
        """Read one record. Raises StoreDamaged for one that no engine wrote."""
        return _read(kind, path, await self._redis.hgetall(self._key(kind, path)))

    async def records(self, names: Sequence[str]) -> list[WebhookRecord]:
        """Read many records by KIND:PATH; what is gone meanwhile, or damaged, is left out."""
        keys = {}
        for name in names:
            kind, _, path = name.partition(":")
            keys[name] = self._keys.key("hook", kind=kind, path=path)
        found = await read_many(self._redis, keys, read_hook, what="webhook")
        return [record for record in found if record]

    async def list_names(
        self, tenant: str, *, newest_ms: str, offset: int, count: int
    ) -> list[tuple[str, int]]:
        """Names, KIND:PATH, and times of creation, see `newest_first`."""
        key = self._keys.key("hooks", tenant=tenant)
        return await newest_first(self._redis, key, newest_ms=newest_ms, offset=offset, count=count)

    def _key(self, kind: Kind, path: str) -> str:
        return self._keys.key("hook", kind=kind, path=path)


def read_hook(name: str, row: Mapping[bytes, bytes] | Sequence[bytes]) -> WebhookRecord | None:
    """Read a record from its fields and values, in turn or paired; None where there is none."""
    fields = row if isinstance(row, Mapping) else dict(zip(row[::2], row[1::2], strict=True))
    kind, _, path = name.partition(":")
    if not fields:
        return None
    return WebhookRecord.from_redis("path" if kind == "path" else "webhook", path, fields)


def _read(kind: Kind, path: str, row: Mapping[bytes, bytes]) -> WebhookRecord | None:
    try:
        return WebhookRecord.from_redis(kind, path, row) if row else None
    except ValueError as error:
        raise StoreDamaged(f"webhook {path}: {error}") from error
