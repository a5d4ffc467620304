"""Floor B: the least a worker on Redis Streams can do per node, one at a time, two round trips each.

`python -m benchmarks.floor_hop PORT NAME` is one worker: XREADGROUP COUNT 1 BLOCK, the handler, one EVALSHA.
"""

from __future__ import annotations

import sys
from typing import Any

import uvloop

from benchmarks.floor_store import GROUP, OUTPUT, STREAM, completion_keys, connect, join_group, load_script
from benchmarks.stamps import stamp

_BLOCK_MS = 5000


async def work(port: int, name: str) -> None:
    """Run nodes until the process is ended."""
    reader, writer = connect(port, blocking=True), connect(port)
    await join_group(writer)
    script = await load_script(writer, "hop_complete")
    while True:
        reply: Any = await reader.xreadgroup(GROUP, name, {STREAM: ">"}, count=1, block=_BLOCK_MS)
        for _, entries in reply:
            for message_id, fields in entries:
                execution_id, node_id = fields[b"e"].decode(), fields[b"n"].decode()
                await bench_noop(execution_id, node_id)
                keys = completion_keys(execution_id)
                completion: Any = writer.evalsha(
                    script, len(keys), *keys, GROUP, message_id, execution_id, node_id, OUTPUT
                )
                await completion


async def bench_noop(execution_id: str, node_id: str) -> None:
    """Do what the engine's no-op of the benchmarks does."""
    stamp(execution_id, node_id)


if __name__ == "__main__":
    uvloop.run(work(int(sys.argv[1]), sys.argv[2]))
