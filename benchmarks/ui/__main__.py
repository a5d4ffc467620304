"""`python -m benchmarks.ui`: measure the graph and the timeline in Chromium and print what holds."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.probe import UNUSABLE, await_quiet
from benchmarks.targets import Target
from benchmarks.ui.serving import served_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

#: What the page shows at 1400 × 800, as most screens do; twice as dense where a plan says so.
VIEWPORT: ViewportSize = {"width": 1400, "height": 800}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FRAMES, FIRST, LONGEST = "fps", "first_picture_ms", "longest_task_ms"


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


PLANS = (
    Plan("graph 10000", 10_000),
    Plan("graph 10000, zoomed", 10_000, zoom=0.5),
    Plan("graph 10000, dense screen", 10_000, density=2),
    Plan("graph 1000", 1_000),
    Plan("graph 300, SVG", 300, renderer="svg", changes=200),
    Plan("timeline 10000", 10_000, function="measureTimeline"),
)
TARGETS = (
    Target("graph 10000", FRAMES, at_least=45),
    Target("graph 10000", FIRST, at_most=500),
    Target("graph 10000", LONGEST, at_most=200),
    Target("graph 10000, zoomed", FRAMES, at_least=45),
    Target("graph 1000", FRAMES, at_least=50),
    Target("timeline 10000", FRAMES, at_least=45),
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
    with sync_playwright() as playwright, served_page() as address, ThreadPoolExecutor(1) as pool:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        print(f"Chromium {browser.version}, drawn without a GPU, {os.cpu_count()} cores\n")
        print("| | frames/s | first picture, ms | longest task, ms | |\n|---|---|---|---|---|")
        for plan in PLANS:
            if plan.name.startswith(arguments.only):
                # In a thread of its own: the browser's interface has a running loop in this one.
                contention = pool.submit(asyncio.run, await_quiet(arguments.patience)).result()
                figures = _measure(browser, address, plan, arguments.seconds)
                missed = _missed(plan, figures) if contention <= UNUSABLE else []
                is_missed = is_missed or bool(missed)
                print(_row(plan, figures, missed, contention), flush=True)
        browser.close()
    return 1 if is_missed else 0


def _measure(browser: Browser, address: str, plan: Plan, seconds: float) -> dict[str, float]:
    page = browser.new_page(viewport=VIEWPORT, device_scale_factor=plan.density)
    try:
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        wanted: dict[str, Any] = {
            "nodes": plan.nodes,
            "zoom": plan.zoom,
            "changes": plan.changes,
            "renderer": plan.renderer,
            "seconds": seconds,
        }
        figures: dict[str, float] = page.evaluate(f"plan => {plan.function}(plan)", wanted)
        return figures
    finally:
        page.close()


def _missed(plan: Plan, figures: dict[str, float]) -> list[Target]:
    own = (target for target in TARGETS if target.workload == plan.name)
    return [target for target in own if not target.holds(figures[target.figure])]


def _row(plan: Plan, figures: dict[str, float], missed: list[Target], contention: float) -> str:
    cells = [plan.name, *(f"{figures[each]:.0f}" for each in (FRAMES, FIRST, LONGEST))]
    verdict = ", ".join(f"MISSED {target.figure} {target}" for target in missed)
    if contention > UNUSABLE:
        verdict = f"says nothing: other processes use the processors ({contention:.1f})"
    return f"| {' | '.join(cells)} | {verdict} |"


if __name__ == "__main__":
    sys.exit(main())
