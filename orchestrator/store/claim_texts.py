"""Reads what a claim's reply had no room for, in slices that are each answered in time.

A claim says of every such text how long it is. Nothing writes one while the attempt that was claimed runs,
so a plain read gives what the script would have given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from orchestrator.redis_keys import Keys
from orchestrator.store.parts import parts_of
from orchestrator.store.replies import RESUME, VALUE, Claim
from orchestrator.units import index_of, node_of

#: Key, and field of it where it is a hash, else "".
Place = tuple[str, str]


class ClaimTexts:
    """Reads the unread texts of claims."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def fill(self, claims: Sequence[Claim]) -> list[Claim]:
        """Give the claims with all their texts; one that several of them share is read, and held, once."""
        places = {self._place(claim, name): length for claim in claims for name, length in claim.unread}
        texts: dict[Place, bytes] = {}
        for part in parts_of(places):
            texts |= await self._read(part)
        return [
            claim.filled({name: texts[self._place(claim, name)] for name, _ in claim.unread})
            for claim in claims
        ]

    def _place(self, claim: Claim, name: str) -> Place:
        execution_id, unit = claim.execution_id, claim.node_id
        match name:
            case "$inputs" | "$trigger":
                return self._keys.runtime(execution_id), name[1:]
            case "$resume":
                return self._keys.runtime(execution_id), f"{RESUME[1:]}|{unit}"
            case "$value":
                return self._keys.items(execution_id, node_of(unit)), f"{VALUE[1:2]}{index_of(unit)}"
            case _:
                return self._keys.output(execution_id, name), ""

    async def _read(self, places: Sequence[Place]) -> dict[Place, bytes]:
        keys = [key for key, field in places if not field]
        texts: dict[Place, bytes] = {}
        if keys:
            found = await self._redis.mget(keys)
            texts = {(key, ""): text or b"" for key, text in zip(keys, found, strict=True)}
        for key, field in places:
            if field:
                texts[key, field] = await self._redis.hget(key, field) or b""
        return texts
