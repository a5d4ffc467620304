"""What both floors keep in Redis, and the least one can do to put a workflow there."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import redis.asyncio

STREAM = "floor:tasks"
GROUP = "floor"
OUTPUT = b'{"status":"ok"}'

_LUA = Path(__file__).parent / "lua"

#: What redis-py types as Any or worse; entries of a stream as (message id, {field: value}).
Entry = tuple[bytes, dict[bytes, bytes]]


def connect(port: int, *, blocking: bool = False) -> redis.asyncio.Redis:
    """Open a client. A blocking one has no socket timeout, which XREADGROUP BLOCK would outlast."""
    return redis.asyncio.Redis(
        host="127.0.0.1", port=port, protocol=2, socket_timeout=None if blocking else 10
    )


async def load_script(client: redis.asyncio.Redis, name: str) -> str:
    """Load `lua/<name>.lua` and return its hash."""
    return str(await client.script_load((_LUA / f"{name}.lua").read_text()))


async def join_group(client: redis.asyncio.Redis) -> None:
    """Make the stream and its group unless they exist."""
    try:
        await client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except redis.ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def completion_keys(execution: str) -> tuple[str, str, str, str, str, str]:
    """Name the keys of the completing scripts, in their order."""
    prefix = f"floor:{execution}"
    return (
        STREAM,
        f"{prefix}:successors",
        f"{prefix}:missing",
        f"{prefix}:outputs",
        f"{prefix}:statuses",
        prefix,
    )


async def store(client: redis.asyncio.Redis, document: dict[str, Any]) -> str:
    """Put a workflow into Redis in one round trip, without any check, and return its execution id."""
    execution_id = str(uuid.uuid4())
    successors: dict[str, list[str]] = {}
    missing: dict[str, int] = {}
    roots: list[str] = []
    nodes = document["dag"]["nodes"]
    for node in nodes:
        parents = node["dependencies"]
        if parents:
            missing[node["id"]] = len(parents)
        else:
            roots.append(node["id"])
        for parent in parents:
            successors.setdefault(parent, []).append(node["id"])
    _, successors_key, missing_key, _, _, summary_key = completion_keys(execution_id)
    pipeline: Any = client.pipeline(transaction=False)
    summary = {
        "left": len(nodes),
        "status": "PENDING",
        "roots": ",".join(roots),
    }
    pipeline.hset(summary_key, mapping=summary)
    if missing:
        pipeline.hset(missing_key, mapping=missing)
        pipeline.hset(successors_key, mapping={node_id: ",".join(ids) for node_id, ids in successors.items()})
    await pipeline.execute()
    return execution_id


async def trigger(client: redis.asyncio.Redis, script: str, execution_id: str) -> str:
    """Queue the roots of an execution. Returns 'missing', 'already' or 'triggered'."""
    reply: Any = await client.evalsha(script, 2, STREAM, f"floor:{execution_id}", execution_id)
    return str(reply.decode())


async def status(client: redis.asyncio.Redis, execution_id: str) -> str | None:
    """Read the status of an execution."""
    reply: Any = await client.hget(f"floor:{execution_id}", "status")
    return None if reply is None else str(reply.decode())
