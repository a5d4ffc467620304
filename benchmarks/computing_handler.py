"""The handler that computes, as a module of a user's: `HANDLERS=benchmarks.computing_handler`."""

from __future__ import annotations

from typing import Any

from benchmarks.dags import FIBONACCI
from benchmarks.stamps import end_of, stamp
from headrace import Context, handler


@handler(FIBONACCI)
def bench_fibonacci(config: dict[str, Any], context: Context) -> dict[str, Any]:
    """Compute the Fibonacci number `config["n"]` and stamp start and end. Output: {"value": int}."""
    stamp(context.execution_id, context.node_id)
    value = fibonacci(config["n"])
    stamp(context.execution_id, end_of(context.node_id))
    return {"value": value}


def fibonacci(n: int) -> int:
    """Compute the n-th Fibonacci number by plain recursion, which is the work that is meant."""
    return n if n <= 1 else fibonacci(n - 1) + fibonacci(n - 2)
