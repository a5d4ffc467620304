"""What engine processes have written of themselves into Redis, by its documented keys."""

from __future__ import annotations

import json
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EngineRecords:
    """now_ms: Redis time; tick_ms: the last look of an orchestrator at the timers; workers: their records."""

    now_ms: int
    tick_ms: int | None
    workers: list[Mapping[str, str]]

    def of_pids(self, pids: Collection[int]) -> list[Mapping[str, str]]:
        """The records of workers on this machine with these process ids."""
        here = socket.gethostname()
        return [each for each in self.workers if each.get("host") == here and int(each["pid"]) in pids]


def read_records(dsn: str) -> EngineRecords:
    """Look into a Redis. Raises what its client raises where it cannot be read."""
    import redis

    # Any: the client's own types say bytes or str, whatever decode_responses says.
    client: Any = redis.Redis.from_url(dsn, decode_responses=True, socket_timeout=3)
    try:
        seconds, microseconds = client.time()
        tick = client.get("workflows:tick:orchestrator")
        names = client.zrange("workflows:workers", 0, -1)
        workers = [client.hgetall(f"workflows:workers:{name}") for name in names]
    finally:
        client.close()
    now_ms = int(seconds) * 1000 + int(microseconds) // 1000
    return EngineRecords(now_ms, int(tick) if tick else None, [each for each in workers if each])


def brought_workflows(record: Mapping[str, str]) -> dict[str, str]:
    """Workflows that the handlers of a worker bring, by name: why each is not registered, "" where it is."""
    found: dict[str, str] = json.loads(record.get("workflows") or "{}")
    return found
