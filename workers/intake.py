"""Reads tasks: new ones as they come, and those delivered to a worker that never claimed them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from orchestrator.redis_keys import Keys
from orchestrator.replies import Delivery

#: A message delivered this long ago and still pending may belong to a worker that died before claiming it.
UNCLAIMED_MS = 5_000
#: How often to look for those.
RECLAIM_S = 1.0


class Intake:
    """The task streams of one worker's queues, in order of priority.

    redis  a client whose socket outlasts a blocking read.
    """

    def __init__(self, redis: Redis, keys: Keys, *, consumer: str, queues: Sequence[str]) -> None:
        self._redis: Any = redis  # its raw commands are untyped
        self._keys = keys
        self._consumer = consumer
        self._queue_of = {keys.tasks(queue): queue for queue in queues}
        self._reclaimed_s = 0.0
        self._reclaim_from: dict[str, str] = {}

    async def open(self) -> None:
        """Create the consumer groups. At 0, not at the end: tasks written before the group are work too."""
        for stream in self._queue_of:
            try:
                await self._redis.xgroup_create(stream, self._keys.group, id="0", mkstream=True)
            except OutOfMemoryError:
                # At maxmemory no group can be made, and none need be where there is one.
                if not await self._has_group(stream):
                    raise
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _has_group(self, stream: str) -> bool:
        groups: list[Any] = await self._redis.xinfo_groups(stream) if await self._redis.exists(stream) else []
        return any(group["name"] == self._keys.group.encode() for group in groups)

    async def next(self, count: int, *, block_ms: int) -> list[Delivery]:
        """Give up to `count` tasks, waiting up to block_ms for the first. Raises redis errors."""
        try:
            return await self._next(count, block_ms)
        except ResponseError as error:
            # The stream or its group is gone (FLUSHALL, a restart without persistence): make them anew.
            if not any(word in str(error) for word in ("NOGROUP", "UNBLOCKED")):
                raise
            await self.open()
            return []

    async def _next(self, count: int, block_ms: int) -> list[Delivery]:
        if time.monotonic() - self._reclaimed_s >= RECLAIM_S:
            self._reclaimed_s = time.monotonic()
            if reclaimed := await self._reclaim(count):
                return reclaimed
        streams = list(self._queue_of)
        if len(streams) > 1:
            # COUNT is per stream, so the order of queues is kept by asking one after the other.
            for stream in streams:
                if found := await self._read([stream], count, None):
                    return found
        # Blocking on several at once may bring COUNT from each of them.
        streams = streams[:count]
        return await self._read(streams, max(1, count // len(streams)), block_ms)

    async def _read(self, streams: Sequence[str], count: int, block_ms: int | None) -> list[Delivery]:
        block = () if block_ms is None else ("BLOCK", block_ms)
        answer = await self._redis.execute_command(
            "XREADGROUP", "GROUP", self._keys.group, self._consumer, "COUNT", count, *block,
            "STREAMS", *streams, *([">"] * len(streams)),
        )  # fmt: skip
        found: list[Delivery] = []
        for stream, entries in answer or ():
            found.extend(self._delivery(stream.decode(), entry_id, fields) for entry_id, fields in entries)
        return found

    async def _reclaim(self, count: int) -> list[Delivery]:
        found: list[Delivery] = []
        for stream in self._queue_of:
            answer = await self._redis.execute_command(
                "XAUTOCLAIM", stream, self._keys.group, self._consumer, UNCLAIMED_MS,
                self._reclaim_from.get(stream, "0-0"), "COUNT", max(1, count - len(found)),
            )  # fmt: skip
            self._reclaim_from[stream] = answer[0].decode()
            found.extend(
                self._delivery(stream, entry_id, fields)
                for entry_id, fields in answer[1]
                if fields is not None
            )
            if len(found) >= count:
                break
        return found

    def _delivery(self, stream: str, entry_id: bytes, fields: Any) -> Delivery:
        if isinstance(fields, list):
            fields = dict(zip(fields[::2], fields[1::2], strict=True))
        return Delivery(
            execution_id=fields[b"execution_id"].decode(),
            node_id=fields[b"node_id"].decode(),
            attempt=int(fields[b"attempt"]),
            message_id=entry_id.decode(),
            queue=self._queue_of[stream],
            handler=fields[b"handler"].decode(),
        )
