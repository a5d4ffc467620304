"""Reads task messages: new ones, and those delivered to a worker that never claimed them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from clients.redis_client import BLOCKING_TIMEOUT_S
from clients.redis_wire import Wire
from orchestrator.redis_keys import Keys
from orchestrator.store.replies import Delivery
from workers.runtime.shares import Shares

log = logging.getLogger("headrace.worker")

#: A message delivered this long ago and still pending may belong to a worker that died before claiming it.
UNCLAIMED_MS = 5_000
#: How often to look for those.
RECLAIM_S = 1.0
#: How long a worker that has met a task of a layout it does not know looks for no unclaimed ones: others come
#: before it.
STAND_BACK_S = 10.0
#: How long one part of the queues is waited on when there are more of them than free slots.
TURN_MS = 100
#: How long a worker that runs its share already leaves the next task to workers that run less.
YIELD_S = 0.01


class TaskReader:
    """The task streams of one worker's queues, in order of priority.

    redis   a client whose socket outlasts a blocking read.
    shares  the queues, and how much of each may be taken at once.
    """

    def __init__(self, redis: Redis, keys: Keys, *, consumer: str, shares: Shares) -> None:
        self._redis: Any = redis  # its raw commands are untyped
        self._wire = Wire(redis, most_s=BLOCKING_TIMEOUT_S)
        self._keys = keys
        self._consumer = consumer
        self._shares = shares
        self._queue_of = {keys.tasks(queue): queue for queue in shares.queues}
        self._reclaimed_s = 0.0
        self._turn = 0
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

    async def let_go(self) -> None:
        """Return the connection that is kept. It can be used again afterwards."""
        await self._wire.let_go()

    async def _has_group(self, stream: str) -> bool:
        groups: list[Any] = await self._redis.xinfo_groups(stream) if await self._redis.exists(stream) else []
        return any(group["name"] == self._keys.group.encode() for group in groups)

    async def read(self, count: int, *, block_ms: int) -> list[Delivery]:
        """Read up to `count` tasks, waiting up to block_ms for the first. Raises redis errors."""
        try:
            return (
                await self._reclaim_if_due(count)
                or await self._read_in_order(count)
                or await self._wait_for_any(count, block_ms)
            )
        except ResponseError as error:
            # The stream or its group is gone (FLUSHALL, a restart without persistence): create them again.
            if not any(word in str(error) for word in ("NOGROUP", "UNBLOCKED")):
                raise
            await self.open()
            return []

    async def read_now(self, count: int) -> list[Delivery]:
        """Read what is there, at most `count` of each queue, without waiting. Raises redis errors."""
        return await self._read(list(self._queue_of), count, None)

    async def leave_to_others(self, tasks: Sequence[Delivery]) -> None:
        """Let workers of the version that knows these tasks take them over at once. Raises redis errors."""
        for queue in {task.queue for task in tasks}:
            message_ids = [task.message_id for task in tasks if task.queue == queue]
            await self._redis.xclaim(
                self._keys.tasks(queue), self._keys.group, self._consumer, 0, message_ids,
                idle=UNCLAIMED_MS, justid=True,
            )  # fmt: skip
        if tasks:
            self._reclaimed_s = time.monotonic() + STAND_BACK_S

    async def _reclaim_if_due(self, count: int) -> list[Delivery]:
        """Take over, once in RECLAIM_S, tasks that were delivered and never claimed."""
        if time.monotonic() - self._reclaimed_s < RECLAIM_S:
            return []
        self._reclaimed_s = time.monotonic()
        return await self._reclaim(count)

    async def _read_in_order(self, count: int) -> list[Delivery]:
        """Read the first queue that has tasks. COUNT is per stream, so their order is kept by asking each."""
        for stream, queue in self._queue_of.items():
            if self._shares.readers(queue) > 1:
                share = await self._share(stream, queue, count)
            else:
                share = count if len(self._queue_of) > 1 else 0
            if share and (found := await self._read([stream], share, None)):
                return found
        return []

    async def _share(self, stream: str, queue: str, free: int) -> int:
        """Look how many tasks of a queue that others read too may be taken now."""
        ready, pending, own = await self._look(stream)
        if ready and own * self._shares.readers(queue) >= ready + pending:
            await asyncio.sleep(YIELD_S)
            ready, _, _ = await self._look(stream)
        return self._shares.share(queue, ready=ready, free=free) if ready > 0 else 0

    async def _look(self, stream: str) -> tuple[int, int, int]:
        """Count a stream's tasks: those nobody has, those workers have, and those this worker has."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.execute_command("XLEN", stream)
        pipe.execute_command("XPENDING", stream, self._keys.group)
        length, summary = await pipe.execute()
        pending, consumers = (summary["pending"], summary["consumers"]) if summary else (0, ())
        own = sum(each["pending"] for each in consumers if each["name"] == self._consumer.encode())
        return length - pending, pending, own

    async def _wait_for_any(self, count: int, block_ms: int) -> list[Delivery]:
        """Block until one of the queues has a task.

        Blocking on several at once may bring COUNT from each of them. With fewer free slots than queues, a
        part of them is waited on, in turn and briefly. Where others wait for the same queue, each gets one:
        tasks that come together would all go to the first.
        """
        streams = list(self._queue_of)
        if len(streams) > count:
            self._turn = (self._turn + 1) % len(streams)
            streams = (streams[self._turn :] + streams[: self._turn])[:count]
            block_ms = min(block_ms, TURN_MS)
        is_shared = any(self._shares.readers(self._queue_of[stream]) > 1 for stream in streams)
        return await self._read(streams, 1 if is_shared else max(1, count // len(streams)), block_ms)

    async def _read(self, streams: Sequence[str], count: int, block_ms: int | None) -> list[Delivery]:
        block = () if block_ms is None else ("BLOCK", block_ms)
        command = (
            "XREADGROUP", "GROUP", self._keys.group, self._consumer, "COUNT", count, *block,
            "STREAMS", *streams, *([">"] * len(streams)),
        )  # fmt: skip
        (answer,) = await self._wire.ask([command])
        found: list[Delivery] = []
        # Pairs, or a map in the newer version of the protocol.
        for stream, entries in answer.items() if isinstance(answer, dict) else answer or ():
            found += await self._deliveries(stream.decode(), entries)
        return found

    async def _reclaim(self, count: int) -> list[Delivery]:
        found: list[Delivery] = []
        for stream in self._queue_of:
            answer = await self._redis.execute_command(
                "XAUTOCLAIM", stream, self._keys.group, self._consumer, UNCLAIMED_MS,
                self._reclaim_from.get(stream, "0-0"), "COUNT", max(1, count - len(found)),
            )  # fmt: skip
            self._reclaim_from[stream] = answer[0].decode()
            found += await self._deliveries(stream, answer[1])
            if len(found) >= count:
                break
        return found

    async def _deliveries(self, stream: str, entries: Iterable[Any]) -> list[Delivery]:
        found: list[Delivery] = []
        for entry_id, fields in entries:
            if fields is None:
                continue  # Deleted meanwhile.
            if isinstance(fields, list):
                fields = dict(zip(fields[::2], fields[1::2], strict=True))
            try:
                found.append(_delivery(entry_id, fields, self._queue_of[stream]))
            except (KeyError, ValueError):
                # Written by another program: it names no node, and left there it would be delivered again.
                log.warning("task.not_ours", extra={"stream": stream, "entry_id": entry_id.decode()})
                await self._redis.xack(stream, self._keys.group, entry_id)
                await self._redis.xdel(stream, entry_id)
        return found


def _delivery(entry_id: bytes, fields: dict[bytes, bytes], queue: str) -> Delivery:
    return Delivery(
        execution_id=fields[b"execution_id"].decode(),
        node_id=fields[b"node_id"].decode(),
        attempt=int(fields[b"attempt"]),
        message_id=entry_id.decode(),
        queue=queue,
        handler=fields[b"handler"].decode(),
    )
