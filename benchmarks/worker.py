"""A worker whose loop also runs the handler that stamps: so the engine is measured, as with built-in ones."""

from __future__ import annotations

from typing import Any

import sdk_path  # noqa: F401  # `headrace` is found from here on
from benchmarks.dags import HANDLER
from benchmarks.stamps import stamp
from config import get_settings
from headrace import Context, handler
from logs import run_process
from workers.worker import main


@handler(HANDLER)
async def bench_noop(config: dict[str, Any], context: Context) -> dict[str, Any]:
    """Stamp the start of this node and return at once. Output: {"status": "ok"}."""
    stamp(context.execution_id, context.node_id)
    return {"status": "ok"}


if __name__ == "__main__":
    run_process(main, get_settings)
