"""What a call of a handler costs in the loop, in a thread and in a host: `python -m benchmarks.hosts`.

Real hosts, no Redis: microseconds of a call, one at a time and sixteen together, and CPU time of the worker;
how long a host takes to be ready; and what processes are good for, eight calls that compute.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workers.context import HandlerContext
from workers.hosts.launch import HostSettings, host_environment
from workers.hosts.pool import HandlerHosts

CALLS, LARGE_CALLS, TOGETHER = 2_000, 200, 16
PAYLOAD = {"text": "x" * 170}
#: About 100 kB of small objects.
LARGE = {"rows": [{"id": number, "name": f"row {number}", "is_good": True} for number in range(2_200)]}
#: Turns of a loop that takes about half a second.
TURNS, COMPUTING = 8_000_000, 8
MODULE = """
import pydantic
from headrace import handler

@handler("plain")
def plain(config, context): return config

@handler("coroutine")
async def coroutine(config, context): return config

@handler("computes")
def computes(config, context):
    total = 0
    for number in range(config["turns"]):
        total += number
    return total
"""

Call = Callable[[], Awaitable[Any]]


async def measure(name: str, call: Call, calls: int = CALLS) -> None:
    """Print a row for one way to call."""
    for _ in range(calls // 10):
        await call()
    took = []
    began_cpu = time.process_time()
    for _ in range(calls):
        began = time.perf_counter()
        await call()
        took.append((time.perf_counter() - began) * 1e6)
    cpu = (time.process_time() - began_cpu) / calls * 1e6
    began = time.perf_counter()

    async def some() -> None:
        for _ in range(calls // TOGETHER):
            await call()

    await asyncio.gather(*(some() for _ in range(TOGETHER)))
    rate = calls / (time.perf_counter() - began)
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    print(f"| {name} | {p50:.0f} | {p99:.0f} | {cpu:.0f} | {rate:,.0f} |")


async def computing(call: Call, threads: ThreadPoolExecutor) -> float:
    """Compare calls that compute: in hosts, and in threads of this process."""

    def computes() -> int:
        total = 0
        for number in range(TURNS):
            total += number
        return total

    began = time.perf_counter()
    await asyncio.gather(*(asyncio.wrap_future(threads.submit(computes)) for _ in range(COMPUTING)))
    middle = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(COMPUTING)))
    return (time.perf_counter() - middle) / (middle - began)


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
        began = time.perf_counter()
        hosts.start()
        while not hosts.offer:
            await hosts.changed(0.1)
        ready_ms = (time.perf_counter() - began) * 1e3
        while not (hosts.places.free("sync") == 2 and hosts.places.free("async")):
            await hosts.changed(0.1)

        def in_host(handler: str, config: Mapping[str, Any] = PAYLOAD) -> Call:
            async def call() -> Any:
                context = HandlerContext(execution_id="e", node_id="n")
                async with hosts.places.entered(handler, context, None) as run:
                    return await run(config)

            return call

        await measure("async in a host", in_host("coroutine"))
        await measure("def in a host", in_host("plain"))
        await measure("async in a host, 100 kB", in_host("coroutine", LARGE), LARGE_CALLS)
        await measure("def in a host, 100 kB", in_host("plain", LARGE), LARGE_CALLS)
        print(f"\nThe first host, which imports pydantic, was ready after {ready_ms:.0f} ms.")
        ratio = await computing(in_host("computes", {"turns": TURNS}), threads)
        print(f"{COMPUTING} calls that compute took {ratio:.2f} times as long in 2 hosts as in threads.")
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
