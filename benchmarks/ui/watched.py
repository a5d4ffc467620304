"""A run of the real engine, watched live in the page of the product from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import dags
from benchmarks.door import HttpDoor
from benchmarks.stacks import Stack, start_engine

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

#: Edges for each node, as many workflows have.
EDGES = 1.2
WIDTH = 200
DELAY_EVERY = 5
#: A run of 10,000 nodes takes about a quarter of a minute on a quiet machine.
PATIENCE_MS = 300_000

_WATCH = (Path(__file__).parent / "watch.js").read_text()
_ENDED = "() => watched.ended > 0"


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine of a measurement, and what is asked of it outside the loop of the browser."""

    stack: Stack
    pool: Executor

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API once. Raises HttpError for anything but 2xx."""

        async def call() -> Any:
            assert self.stack.http_port is not None
            door = await HttpDoor.open(self.stack.http_port)
            try:
                return await door.call(method, path, body)
            finally:
                await door.close()

        return self._run(call)

    def ready(self) -> None:
        """Wait until the engine runs workflows."""
        self._run(self.stack.ready)

    def _run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        # In a thread of its own: the browser's interface has a running loop in this one.
        async def run() -> Any:
            return await work()

        return self.pool.submit(asyncio.run, run()).result()


@contextmanager
def running_engine(pool: Executor) -> Iterator[Engine]:
    """Start API, orchestrator, two workers and their Redis; they end with the block."""
    stack = start_engine()
    try:
        engine = Engine(stack, pool)
        engine.ready()
        yield engine
    finally:
        stack.stop()


def measure_run(
    browser: Browser, engine: Engine, *, nodes: int, tab: str, viewport: ViewportSize, density: int
) -> dict[str, float]:
    """Open the page of a run that has not begun, let it run, and say how the page did.

    Raises ValueError where the page shows other counts at the end than the API gives.
    """
    document = dags.woven(nodes, edges=round(nodes * EDGES), width=WIDTH, delay_every=DELAY_EVERY)
    execution_id = engine.call("POST", "/workflow", document)["execution_id"]
    page = browser.new_page(viewport=viewport, device_scale_factor=density)
    try:
        page.add_init_script(_WATCH)
        page.goto(f"http://127.0.0.1:{engine.stack.http_port}/ui/runs/{execution_id}?tab={tab}")
        page.wait_for_function("() => watched.interactive > 0")
        page.evaluate("() => watched.begin()")
        engine.call("POST", f"/workflow/trigger/{execution_id}")
        page.wait_for_function(_ENDED, timeout=PATIENCE_MS, polling=500)
        figures: dict[str, float] = page.evaluate("() => watched.figures()")
        _compare(page.evaluate("() => watched.counts()"), engine, execution_id)
        return figures | {"memory_mb": _memory_mb(page)}
    finally:
        page.close()


def _compare(shown: dict[str, int], engine: Engine, execution_id: str) -> None:
    view = engine.call("GET", f"/v1/executions/{execution_id}?view=lean")
    counts = {status.lower(): count for status, count in view["counts"].items()}
    if shown != counts:
        raise ValueError(f"run {execution_id}: the page shows {shown}, the API says {counts}")


def _memory_mb(page: Page) -> float:
    """What scripts of the page hold after garbage was collected, in MB."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"]
    return used / 1e6
