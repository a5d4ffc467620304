"""The handlers of the benchmarks as a user's handler module: `HANDLERS=benchmarks.stamps_handler`."""

from __future__ import annotations

from typing import Any

from benchmarks.dags import FIBONACCI, HANDLER
from benchmarks.stamps import end_of, stamp
from headrace import Context, handler


@handler(HANDLER)
async def bench_noop(config: dict[str, Any], context: Context) -> dict[str, Any]:
    """Stamp the start of this node and return at once. Output: {"status": "ok"}."""
    stamp(context.execution_id, context.node_id)
    return {"status": "ok"}


@handler(FIBONACCI)
def bench_fibonacci(config: dict[str, Any], context: Context) -> dict[str, Any]:
    """Compute the Fibonacci number `config["n"]` and stamp start and end. Output: {"value": int}.

    Only for nodes that follow each other: a sync handler runs in a thread, and a region has one writer.
    """
    stamp(context.execution_id, context.node_id)
    value = fibonacci(config["n"])
    stamp(context.execution_id, end_of(context.node_id))
    return {"value": value}


def fibonacci(n: int) -> int:
    """Compute the n-th Fibonacci number by plain recursion, which is the work that is meant."""
    return n if n <= 1 else fibonacci(n - 1) + fibonacci(n - 2)
