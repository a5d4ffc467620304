"""`python -m benchmarks.ui`: measure the page in Chromium and print what holds."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.probe import UNUSABLE, await_quiet
from benchmarks.targets import Target
from benchmarks.ui.serving import served_page
from benchmarks.ui.watched import Engine, measure_run, running_engine

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

#: What the page shows at 1400 × 800, as most screens do; twice as dense where a plan says so.
VIEWPORT: ViewportSize = {"width": 1400, "height": 800}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FRAMES, FIRST, LONGEST = "fps", "first_picture_ms", "longest_task_ms"
INTERACTIVE, MEMORY = "interactive_ms", "memory_mb"
COLUMNS = {
    FRAMES: "frames/s",
    FIRST: "first picture, ms",
    LONGEST: "longest task, ms",
    INTERACTIVE: "until it can be used, ms",
    MEMORY: "memory, MB",
}
#: The function of plans that watch a run of the engine; the others are functions of `page.js`.
WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Plan:
    """One measurement. zoom None shows the whole graph; changes are those of states in a second."""

    name: str
    nodes: int
    function: str = "measureGraph"
    zoom: float | None = None
    changes: int = 2000
    renderer: str = "canvas"
    density: int = 1
    tab: str = ""


PLANS = (
    Plan("graph 10000", 10_000),
    Plan("graph 10000, zoomed", 10_000, zoom=0.5),
    Plan("graph 10000, dense screen", 10_000, density=2),
    Plan("graph 1000", 1_000),
    Plan("graph 300, SVG", 300, renderer="svg", changes=200),
    Plan("timeline 10000", 10_000, function="measureTimeline"),
    Plan("nodes 10000", 10_000, function="measureTab", tab="nodes"),
    Plan("events 10000", 10_000, function="measureTab", tab="events"),
    Plan("run 10000, graph", 10_000, function=WATCH, tab="graph"),
    Plan("run 10000, nodes", 10_000, function=WATCH, tab="nodes"),
    Plan("run 10000, events", 10_000, function=WATCH, tab="events"),
)
TARGETS = (
    Target("graph 10000", FRAMES, at_least=45),
    Target("graph 10000", FIRST, at_most=500),
    Target("graph 10000", LONGEST, at_most=200),
    Target("graph 10000, zoomed", FRAMES, at_least=45),
    Target("graph 1000", FRAMES, at_least=50),
    Target("timeline 10000", FRAMES, at_least=45),
    Target("nodes 10000", FRAMES, at_least=45),
    Target("events 10000", FRAMES, at_least=45),
    Target("run 10000, graph", FRAMES, at_least=45),
    Target("run 10000, graph", FIRST, at_most=500),
    Target("run 10000, graph", LONGEST, at_most=200),
    Target("run 10000, nodes", FRAMES, at_least=45),
    Target("run 10000, events", FRAMES, at_least=45),
)


def main() -> int:
    """Run as asked. Exit code 1 when a target is missed, 2 when there is nothing to measure with."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ui", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="how long each picture moves")
    parser.add_argument("--only", default="", help="plans whose name begins with this")
    parser.add_argument(
        "--patience", type=float, default=20, help="seconds to wait for a quiet machine each time"
    )
    arguments = parser.parse_args()
    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("playwright is not installed: pip install -r requirements-dev.txt", file=sys.stderr)
        return 2
    if executable is None:
        print(f"no Chromium on PATH (looked for {', '.join(BROWSERS)}); CHROMIUM names one", file=sys.stderr)
        return 2
    is_missed = False
    with sync_playwright() as playwright, ThreadPoolExecutor(1) as pool:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        print(f"Chromium {browser.version}, drawn without a GPU, {os.cpu_count()} cores\n")
        print(f"| | {' | '.join(COLUMNS.values())} | |\n|{'---|' * (len(COLUMNS) + 2)}")
        plans = [plan for plan in PLANS if plan.name.startswith(arguments.only)]
        for is_watched in dict.fromkeys(plan.function == WATCH for plan in plans):
            # An engine that nobody needs yet would only use the processors.
            with _engine_or_page(pool, is_watched) as place:
                for plan in plans:
                    if (plan.function == WATCH) is is_watched:
                        is_missed |= _report(browser, place, plan, arguments, pool)
        browser.close()
    return 1 if is_missed else 0


@contextmanager
def _engine_or_page(pool: Executor, is_watched: bool) -> Iterator[Engine | str]:
    if is_watched:
        with running_engine(pool) as engine:
            yield engine
    else:
        with served_page() as address:
            yield address


def _report(
    browser: Browser, place: Engine | str, plan: Plan, arguments: argparse.Namespace, pool: Executor
) -> bool:
    """Measure one plan and print its row. Says whether a target is missed."""
    # In a thread of its own: the browser's interface has a running loop in this one.
    contention = pool.submit(asyncio.run, await_quiet(arguments.patience)).result()
    figures = _measure(browser, place, plan, arguments.seconds)
    missed = _missed(plan, figures) if contention <= UNUSABLE else []
    print(_row(plan, figures, missed, contention), flush=True)
    return bool(missed)


def _measure(browser: Browser, place: Engine | str, plan: Plan, seconds: float) -> dict[str, float]:
    if isinstance(place, Engine):
        return measure_run(
            browser, place, nodes=plan.nodes, tab=plan.tab, viewport=VIEWPORT, density=plan.density
        )
    page = browser.new_page(viewport=VIEWPORT, device_scale_factor=plan.density)
    try:
        page.goto(place)
        page.wait_for_selector("body[data-ready]")
        wanted: dict[str, Any] = {
            "nodes": plan.nodes,
            "zoom": plan.zoom,
            "changes": plan.changes,
            "renderer": plan.renderer,
            "seconds": seconds,
            "tab": plan.tab,
        }
        figures: dict[str, float] = page.evaluate(f"plan => {plan.function}(plan)", wanted)
        return figures
    finally:
        page.close()


def _missed(plan: Plan, figures: dict[str, float]) -> list[Target]:
    own = (target for target in TARGETS if target.workload == plan.name)
    return [target for target in own if not target.holds(figures[target.figure])]


def _row(plan: Plan, figures: dict[str, float], missed: list[Target], contention: float) -> str:
    cells = [plan.name, *(f"{figures[each]:.0f}" if each in figures else "" for each in COLUMNS)]
    verdict = ", ".join(f"MISSED {target.figure} {target}" for target in missed)
    if contention > UNUSABLE:
        verdict = f"says nothing: other processes use the processors ({contention:.1f})"
    return f"| {' | '.join(cells)} | {verdict} |"


if __name__ == "__main__":
    sys.exit(main())
