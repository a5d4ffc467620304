"""What a call of a handler costs in the loop, in a thread and in a host: `python -m benchmarks.hosts`.

Real hosts, no Redis: microseconds of a call, one at a time and sixteen together, and CPU time of the worker.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workers.context import HandlerContext
from workers.hosts.launch import HostSettings, host_environment
from workers.hosts.pool import HandlerHosts

CALLS, TOGETHER = 2_000, 16
PAYLOAD = {"text": "x" * 170}
MODULE = """
from headrace import handler

@handler("plain")
def plain(config, context): return config

@handler("coroutine")
async def coroutine(config, context): return config
"""

Call = Callable[[], Awaitable[Any]]


async def measure(name: str, call: Call) -> None:
    """Print a row for one way to call."""
    for _ in range(200):
        await call()
    took = []
    began_cpu = time.process_time()
    for _ in range(CALLS):
        began = time.perf_counter()
        await call()
        took.append((time.perf_counter() - began) * 1e6)
    cpu = (time.process_time() - began_cpu) / CALLS * 1e6
    began = time.perf_counter()

    async def some() -> None:
        for _ in range(CALLS // TOGETHER):
            await call()

    await asyncio.gather(*(some() for _ in range(TOGETHER)))
    rate = CALLS / (time.perf_counter() - began)
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    print(f"| {name} | {p50:.0f} | {p99:.0f} | {cpu:.0f} | {rate:,.0f} |")


async def main() -> None:
    print("| way | p50 µs | p99 µs | worker CPU µs | calls/s, 16 together |\n| --- | --- | --- | --- | --- |")
    threads = ThreadPoolExecutor(TOGETHER)
    loop = asyncio.get_running_loop()

    async def in_loop() -> Any:
        return PAYLOAD

    await measure("async in the loop", in_loop)
    await measure("def in a thread", lambda: asyncio.wrap_future(threads.submit(lambda: PAYLOAD)))
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(Path(folder, "bench_handlers.py").write_text, MODULE)
        settings = HostSettings(
            modules=("bench_handlers",),
            python=sys.executable,
            folders=(folder,),
            processes=2,
            recycle_runs=0,
            environment=host_environment(os.environ, frozenset()),
        )
        hosts = HandlerHosts(settings, built_in=frozenset)
        hosts.start()
        while not (hosts.places.free("sync") == 2 and hosts.places.free("async")):
            await hosts.changed(0.1)

        def in_host(handler: str) -> Call:
            async def call() -> Any:
                context = HandlerContext(execution_id="e", node_id="n")
                async with hosts.places.entered(handler, context, None) as run:
                    return await run(PAYLOAD)

            return call

        await measure("async in a host", in_host("coroutine"))
        await measure("def in a host", in_host("plain"))
        await hosts.close()
    threads.shutdown()
    assert loop.is_running()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
