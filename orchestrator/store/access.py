"""Reads tenants, their API keys, and the sessions of browsers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from orchestrator.execution.access import ApiKey, Scope, Tenant
from orchestrator.redis_keys import DEFAULT_TENANT, Keys

_TENANT_FIELDS = ("title", "created_ms", "is_active")
_KEY_FIELDS = ("tenant", "digest", "name", "scopes", "created_ms", "expires_ms", "used_ms", "own_expires_ms")
#: Stands for `default`, which is there without having been made.
_DEFAULT = Tenant(DEFAULT_TENANT, "", None, True)


class Access:
    """Reads who may ask for what."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def tenant(self, name: str) -> Tenant | None:
        """One tenant; None for one that was never registered."""
        if name == DEFAULT_TENANT:
            return _DEFAULT
        row = await self._redis.hmget(self._keys.key("tenant", tenant=name), _TENANT_FIELDS)
        return _tenant(name, row)

    async def tenants(self, first: int, limit: int) -> list[Tenant]:
        """Tenants beside `default`, in the order of their creation, from place `first` on."""
        members = await self._redis.zrange(self._keys.shared("tenants"), first, first + limit - 1)
        names = [member.decode() for member in members]
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hmget(self._keys.key("tenant", tenant=name), _TENANT_FIELDS)
        rows = await pipe.execute() if names else []
        found = [_tenant(name, row) for name, row in zip(names, rows, strict=True)]
        return [tenant for tenant in found if tenant is not None]

    async def names(self) -> list[str]:
        """Names of all tenants beside `default`."""
        members = await self._redis.zrange(self._keys.shared("tenants"), 0, -1)
        return [member.decode(errors="replace") for member in members]

    async def api_keys(self, key_ids: Sequence[str]) -> list[ApiKey | None]:
        """API keys by their ids; None for what is unknown, revoked or expired."""
        pipe = self._redis.pipeline(transaction=False)
        for key_id in key_ids:
            pipe.hmget(self._keys.api_key(key_id), _KEY_FIELDS)
        rows = await pipe.execute() if key_ids else []
        return [_api_key(key_id, row) for key_id, row in zip(key_ids, rows, strict=True)]

    async def api_key_ids(self, tenant: str) -> list[str]:
        """Ids of a tenant's keys, oldest first; those that have expired may still be among them."""
        members = await self._redis.zrange(self._keys.key("api_keys", tenant=tenant), 0, -1)
        return [member.decode() for member in members]

    async def session(self, digest: str) -> str | None:
        """What a session stands for; None once it is over."""
        found = await self._redis.get(self._keys.session(digest))
        return found.decode() if found else None


def _tenant(name: str, row: Sequence[bytes | None]) -> Tenant | None:
    title, created_ms, is_active = row
    return (
        None
        if created_ms is None
        else Tenant(name, (title or b"").decode(), int(created_ms), is_active == b"1")
    )


def _api_key(key_id: str, row: Sequence[bytes | None]) -> ApiKey | None:
    tenant, digest, name, scopes, created_ms, expires_ms, used_ms, own_ms = row
    if own_ms is None:
        own_ms = expires_ms
    if tenant is None or digest is None or created_ms is None:
        return None
    return ApiKey(
        key_id=key_id,
        tenant=tenant.decode(),
        digest=digest.decode(),
        name=(name or b"").decode(),
        scopes=frozenset(Scope(word) for word in (scopes or b"").decode().split()),
        created_ms=int(created_ms),
        expires_ms=int(expires_ms) if expires_ms else None,
        used_ms=int(used_ms) if used_ms else None,
        own_expires_ms=int(own_ms) if own_ms else None,
    )
