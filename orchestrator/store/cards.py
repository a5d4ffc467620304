"""Reads the cards of handlers that workers have loaded: what is known of them without their code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from redis.asyncio import Redis

from orchestrator.definitions.retry import RetryPolicy
from orchestrator.errors import DefinitionInvalid
from orchestrator.redis_keys import Keys


class Cards:
    """Keeps what it has read: a digest names the same text for ever."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys
        self._texts: dict[str, bytes] = {}
        self._retries: dict[str, RetryPolicy] = {}

    async def read(self, digests: Iterable[str]) -> tuple[bytes, ...]:
        """Give the cards of these digests, in the order of the digests; those that are gone are left out."""
        wanted = sorted(set(digests))
        if missing := [digest for digest in wanted if digest not in self._texts]:
            found = await self._redis.mget([self._keys.key("cards", digest=digest) for digest in missing])
            texts = {digest: text for digest, text in zip(missing, found, strict=True) if text is not None}
            # Those of workers that are gone are of no use any more.
            self._texts = {digest: text for digest, text in self._texts.items() if digest in wanted} | texts
            self._retries = {}
            for text in self._texts.values():
                self._retries |= _retries_of(text)
        return tuple(self._texts[digest] for digest in wanted if digest in self._texts)

    def default_retry(self, handler: str) -> RetryPolicy | None:
        """Give the policy that a handler declares for nodes without one, as far as cards have been read."""
        return self._retries.get(handler)


def _retries_of(text: bytes) -> dict[str, RetryPolicy]:
    found: dict[str, RetryPolicy] = {}
    for card in orjson.loads(text):
        if card["retry"] is not None:
            try:
                policy = RetryPolicy.from_dict(card["retry"])
            except DefinitionInvalid:
                continue  # Of another version; its worker refuses it as well.
            found |= dict.fromkeys((card["name"], *card["aliases"]), policy)
    return found
