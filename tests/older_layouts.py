"""What versions of other layouts leave in Redis: executions, and the workers that run them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

#: Executions that versions of older layouts have run to their end, in files `layout_N.json`: every key with
#: its kind and content. A completed at its second try, M has two items, P was approved, B failed, C and `no`
#: were skipped.
ENDED = {
    1: "01a2233e-af9f-7040-85da-79942ec83000",
    2: "01a2233e-af9f-7040-85da-79942ec84000",
}


async def restore_ended(redis: Any, layout: int = 1) -> str:
    """Put the execution of an older layout that has ended into Redis, and give its id."""
    kept = Path(__file__).with_name(f"layout_{layout}.json").read_bytes()
    for key, (kind, content) in orjson.loads(kept).items():
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
    return ENDED[layout]


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
