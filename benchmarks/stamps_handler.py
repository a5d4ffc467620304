"""The no-op of the benchmarks as a user's handler module: `HANDLERS=benchmarks.stamps_handler`."""

from __future__ import annotations

from typing import Any

from benchmarks.stamps import stamp
from workers.context import HandlerContext
from workers.registry import handler


@handler("bench_noop")
async def bench_noop(config: dict[str, Any], context: HandlerContext) -> dict[str, Any]:
    """Stamp the start of this node and return at once. Output: {"status": "ok"}."""
    stamp(context.execution_id, context.node_id)
    return {"status": "ok"}
