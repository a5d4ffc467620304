"""Reads outputs by their size: small ones, or as many as fit a share; whole ones where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from redis.asyncio import Redis

from clients.redis_wire import Wire
from orchestrator.redis_keys import Keys

#: Sizes read in one round trip.
SLICE = 500


class Payloads:
    """Reads the outputs of nodes, and the document that started an execution."""

    def __init__(self, redis: Redis, keys: Keys, wire: Wire) -> None:
        self._redis: Any = redis
        self._keys = keys
        self._wire = wire

    async def trigger(self, execution_id: str) -> bytes | None:
        """The trigger document, JSON; None where there is none of its own."""
        text: bytes | None = await self._redis.hget(self._keys.runtime(execution_id), "trigger")
        return text

    async def triggers(self, execution_ids: Sequence[str]) -> dict[str, bytes]:
        """The trigger documents of many executions, of those that have one."""
        pipe = self._redis.pipeline(transaction=False)
        for execution_id in execution_ids:
            pipe.hget(self._keys.runtime(execution_id), "trigger")
        found = zip(execution_ids, await pipe.execute() if execution_ids else (), strict=True)
        return {execution_id: text for execution_id, text in found if text is not None}

    async def sizes(self, execution_id: str, node_ids: Sequence[str]) -> dict[str, int]:
        """The bytes of each output; 0 for a node without one."""
        sizes: dict[str, int] = {}
        for first in range(0, len(node_ids), SLICE):
            part = node_ids[first : first + SLICE]
            found = await self._wire.ask(
                [("STRLEN", self._keys.output(execution_id, node_id)) for node_id in part]
            )
            sizes.update(zip(part, found, strict=True))
        return sizes

    async def read(self, execution_id: str, node_ids: Sequence[str]) -> dict[str, bytes | None]:
        """The outputs of these nodes, whole."""
        if not node_ids:
            return {}
        keys = (self._keys.output(execution_id, node_id) for node_id in node_ids)
        (outputs,) = await self._wire.ask([("MGET", *keys)])
        return dict(zip(node_ids, outputs, strict=True))

    async def small(
        self, execution_id: str, sizes: dict[str, int], *, each_bytes: int, most_bytes: int
    ) -> dict[str, bytes | None]:
        """The outputs of at most `each_bytes`, in order, until there are `most_bytes` of them together."""
        outputs: dict[str, bytes | None] = {}
        for part in _small(sizes, each_bytes, most_bytes):
            outputs |= await self.read(execution_id, part)
        return outputs

    async def share(
        self, execution_id: str, node_ids: Sequence[str], *, most_bytes: int
    ) -> dict[str, bytes | None]:
        """The outputs of the first nodes, as many as have `most_bytes` together; of one in any case."""
        taken: list[str] = []
        left = most_bytes
        for first in range(0, len(node_ids), SLICE):
            sizes = await self.sizes(execution_id, node_ids[first : first + SLICE])
            for node_id, size_bytes in sizes.items():
                left -= size_bytes
                if left < 0 and taken:
                    return await self.read(execution_id, taken)
                taken.append(node_id)
        return await self.read(execution_id, taken)


def _small(sizes: dict[str, int], each_bytes: int, most_bytes: int) -> Iterator[list[str]]:
    part: list[str] = []
    left = most_bytes
    for node_id, size_bytes in sizes.items():
        if not 0 < size_bytes <= min(each_bytes, left):
            continue
        left -= size_bytes
        part.append(node_id)
        if len(part) == SLICE:
            yield part
            part = []
    if part:
        yield part
