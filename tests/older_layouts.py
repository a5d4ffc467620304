"""What versions of other layouts leave in Redis: executions, and the workers that run them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

#: Every key of an execution that a version of layout 1 has run to its end, each with its kind and content:
#: A completed at its second try, M has two items, P was approved, B failed, C and `no` were skipped.
ENDED = Path(__file__).with_name("layout_1.json")
ENDED_ID = "01a2233e-af9f-7040-85da-79942ec83000"


async def restore_ended(redis: Any) -> str:
    """Put the execution of layout 1 that has ended into Redis, and give its id."""
    for key, (kind, content) in orjson.loads(ENDED.read_bytes()).items():
        match kind:
            case "string":
                await redis.set(key, content)
            case "hash":
                await redis.hset(key, mapping=content)
            case "zset":
                await redis.zadd(key, dict(content))
            case "stream":
                for entry_id, fields in content:
                    await redis.xadd(key, fields, id=entry_id)
            case _:
                raise AssertionError(f"{key} is a {kind}")
    return ENDED_ID


async def set_layout(redis: Any, execution_id: str, layout: int) -> None:
    """Make an execution one of another version."""
    await redis.hset(f"workflow:{execution_id}:runtime", "v", layout)


async def announce_worker(redis: Any, name: str, *, ago_ms: int = 0, **fields: Any) -> None:
    """Leave the record of a worker that announced itself so long ago; those of layout 1 name no layout."""
    seconds, _ = await redis.time()
    worker_id, beat_ms = f"{name}.0a1b2c3d", seconds * 1000 - ago_ms
    record = {
        "beat_ms": beat_ms, "name": name, "host": "box-7", "pid": 4711, "handlers": "noop",
        "queues": "default", "slots": 4, "running": 0, "blocked": 0, "blocked_by": "",
        "started_ms": beat_ms, **fields,
    }  # fmt: skip
    await redis.hset(f"workflows:workers:{worker_id}", mapping=record)
    await redis.zadd("workflows:workers", {worker_id: beat_ms})
