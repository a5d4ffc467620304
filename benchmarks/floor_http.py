"""The HTTP floor: a minimal FastAPI and batching workers, without any of an engine's promises.

`python -m benchmarks.floor_http PORT NAME` is one worker. `uvicorn benchmarks.floor_http:app` is the server;
it finds Redis in `FLOOR_REDIS_PORT`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import redis.asyncio
import uvloop
from fastapi import FastAPI, Request, Response

from benchmarks import floor_store
from benchmarks.floor_hop import bench_noop
from benchmarks.floor_store import (
    GROUP,
    OUTPUT,
    STREAM,
    Entry,
    completion_keys,
    connect,
    join_group,
    load_script,
)

BATCH = 64
PORT_VARIABLE = "FLOOR_REDIS_PORT"
_BLOCK_MS = 5000


async def work(port: int, name: str) -> None:
    """Run nodes until the process ends: a batch of handlers, then one pipeline that brings the next batch."""
    reader, writer = connect(port, blocking=True), connect(port)
    await join_group(writer)
    script = await load_script(writer, "http_complete")
    entries: list[Entry] = []
    while True:
        if not entries:
            reply: Any = await reader.xreadgroup(GROUP, name, {STREAM: ">"}, count=BATCH, block=_BLOCK_MS)
            entries = reply[0][1] if reply else []
            continue
        entries = await _run_batch(writer, script, name, entries)


async def _run_batch(
    writer: redis.asyncio.Redis, script: str, name: str, entries: list[Entry]
) -> list[Entry]:
    pipeline = writer.pipeline(transaction=False)
    last = len(entries) - 1
    for index, (message_id, fields) in enumerate(entries):
        execution_id, node_id = fields[b"e"].decode(), fields[b"n"].decode()
        await bench_noop(execution_id, node_id)
        keys = completion_keys(execution_id)
        wanted = BATCH if index == last else 0
        pipeline.evalsha(
            script, len(keys), *keys, GROUP, message_id, execution_id, node_id, OUTPUT, name, str(wanted)
        )
    replies = await pipeline.execute()
    return _entries_of(replies[-1])


def _entries_of(reply: Any) -> list[Entry]:
    if not reply:
        return []
    return [
        (message_id, dict(zip(fields[::2], fields[1::2], strict=True))) for message_id, fields in reply[0][1]
    ]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    client = connect(int(os.environ[PORT_VARIABLE]))
    await join_group(client)
    app.state.client = client
    app.state.trigger = await load_script(client, "trigger")
    yield
    await client.aclose()


app = FastAPI(lifespan=_lifespan)


def _json(value: Any, status_code: int = 200) -> Response:
    return Response(orjson.dumps(value), status_code, media_type="application/json")


@app.get("/health")
async def health() -> Response:
    return _json({"status": "ok"})


@app.post("/workflow")
async def submit(request: Request) -> Response:
    execution_id = await floor_store.store(request.app.state.client, orjson.loads(await request.body()))
    return _json({"execution_id": execution_id, "message": "Workflow accepted"})


@app.post("/workflow/trigger/{execution_id}")
async def trigger(request: Request, execution_id: str) -> Response:
    state = request.app.state
    if await floor_store.trigger(state.client, state.trigger, execution_id) == "missing":
        return _json({"detail": "Execution ID not found"}, 404)
    return _json({"message": "Workflow triggered", "execution_id": execution_id})


@app.post("/v1/executions")
async def launch(request: Request) -> Response:
    state = request.app.state
    execution_id = await floor_store.store(state.client, orjson.loads(await request.body())["definition"])
    await floor_store.trigger(state.client, state.trigger, execution_id)
    return _json({"execution_id": execution_id, "status": "RUNNING"}, 201)


@app.get("/workflows/{execution_id}")
async def status(request: Request, execution_id: str) -> Response:
    found = await floor_store.status(request.app.state.client, execution_id)
    if found is None:
        return _json({"detail": "Execution ID not found"}, 404)
    return _json({"execution_id": execution_id, "status": found})


if __name__ == "__main__":
    uvloop.run(work(int(sys.argv[1]), sys.argv[2]))
