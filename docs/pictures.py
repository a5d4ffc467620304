"""Takes the pictures of the page for the documentation: `python -m docs.pictures`.

A tool for development: it needs Playwright and a Chromium. It starts the demo by itself, or looks at one that
runs already (`--url http://localhost:8000`), and does there what a reader would: starts runs, opens them,
waits for what is worth seeing. Every picture is taken twice, light and dark, into `docs/images/`.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser import chromium
from tests.browser.looking import settle
from tests.dev_stack import DevStack

IMAGES = Path(__file__).parent / "images"
THEMES = ("light", "dark")
#: A picture that is larger is not worth its bytes in every clone.
MOST_BYTES = 150_000
#: What is waited for comes within this, or there is no picture.
LIMIT_MS = 60_000
#: An answer of which a few words have come.
SOME_WORDS = re.compile(r"\w(?s:.){120,}")
#: Runs that have ended, for the list: a workflow of `workflows/` and its inputs.
EARLIER = (("greet", {"name": "Ada"}), ("greet", {"name": "Grace"}), ("greet", {"name": "Edsger"}))


@dataclass(frozen=True)
class Demo:
    """A stack with the demo, and a page of each theme that looks at it."""

    url: str
    pages: tuple[Page, ...]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API; gives the JSON of the answer."""
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(self.url + path, sent, headers, method=method)
        ) as answer:
            return json.load(answer)

    def start(self, *, fail: bool = False) -> str:
        """Start the demo's workflow; gives the id of the run."""
        return str(self.call("POST", "/demo/start", {"fail": fail})["execution_id"])

    def open(self, path: str) -> None:
        for page in self.pages:
            page.goto(self.url + path)
            settle(page)

    def wait(self, *selectors: str) -> None:
        """Wait until all of these are seen in each page."""
        for page in self.pages:
            for selector in selectors:
                expect(page.locator(selector).first).to_be_visible()

    def click(self, role: Any, name: str | re.Pattern[str]) -> None:
        for page in self.pages:
            self.find(page, role, name).click()

    def find(self, page: Page, role: Any, name: str | re.Pattern[str]) -> Locator:
        return page.get_by_role(role, name=name).first

    def take(self, name: str) -> None:
        """Take a picture in each theme."""
        for theme, page in zip(THEMES, self.pages, strict=True):
            path = IMAGES / f"{name}-{theme}.png"
            page.mouse.move(0, 0)
            page.screenshot(path=path, animations="disabled", caret="hide")
            size = path.stat().st_size
            print(f"{path.name}: {size / 1000:.0f} kB")
            if size > MOST_BYTES:
                raise SystemExit(f"{path.name} has {size} bytes; allowed are {MOST_BYTES}")


def take_runs(demo: Demo) -> None:
    """The list: something that runs, waits, failed and completed."""
    for name, inputs in EARLIER:
        demo.call("POST", f"/v1/workflows/{name}/executions", {"inputs": inputs})
    demo.call("POST", "/v1/workflows/human/executions", {"inputs": {}})
    failed = demo.start(fail=True)
    demo.open(f"/ui/runs/{failed}")
    demo.wait("[aria-label='What failed']")
    demo.start()
    demo.open("/")
    demo.wait("[role=table][aria-label=Runs] .rows [role=row]")
    demo.take("runs")


def take_live(demo: Demo) -> None:
    """One run from its start to the question: a countdown, an answer that comes, a question, the times."""
    run = demo.start()
    demo.open(f"/ui/runs/{run}?node=flaky_fares")
    demo.wait(".run-panel [role=timer]")
    demo.take("run-retry")

    demo.open(f"/ui/runs/{run}?node=summarise")
    demo.click("tab", "LLM")
    for page in demo.pages:
        expect(page.locator(".llm-text").first).to_have_text(SOME_WORDS)
    demo.take("run-answer")

    demo.wait("[aria-label^='approve, approval, awaiting']")
    demo.open(f"/ui/runs/{run}?node=approve")
    demo.wait(".run-panel .approval-form")
    demo.take("approval")
    demo.open(f"/ui/runs/{run}?tab=timeline")
    demo.take("timeline")


def take_failed(demo: Demo) -> None:
    run = demo.start(fail=True)
    demo.open(f"/ui/runs/{run}")
    demo.wait("[aria-label='What failed']")
    # The item that failed: the weather of Oslo.
    demo.open(f"/ui/runs/{run}?node=weather[8]")
    demo.take("run-failed")


def take_workflow(demo: Demo) -> None:
    demo.open("/ui/workflows/trip-report?tab=launch")
    demo.wait(".launch")
    demo.take("launch")
    demo.open("/ui/edit?workflow=trip-report")
    demo.take("editor")


@contextmanager
def running(url: str | None) -> Iterator[str]:
    """Give the address of a stack with the demo: the one that is named, or one that is started for this."""
    if url is not None:
        yield url.rstrip("/")
        return
    with tempfile.TemporaryDirectory() as directory:
        stack = DevStack(Path(directory) / "redis")
        try:
            stack.start("--demo")
            yield stack.url
        finally:
            stack.close()


def page_of(browser: Browser, theme: Any) -> Page:
    context = browser.new_context(
        viewport={"width": 1280, "height": 800},
        device_scale_factor=1,
        color_scheme=theme,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(LIMIT_MS)
    return context.new_page()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m docs.pictures", description=__doc__)
    parser.add_argument("--url", help="of a stack that was started by `./headrace dev --demo`")
    arguments = parser.parse_args()
    path = chromium.executable()
    if path is None:
        raise SystemExit(chromium.MISSING)
    expect.set_options(timeout=LIMIT_MS)
    IMAGES.mkdir(exist_ok=True)
    with running(arguments.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        demo = Demo(url, tuple(page_of(browser, theme) for theme in THEMES))
        for take in (take_workflow, take_live, take_failed, take_runs):
            take(demo)
        browser.close()


if __name__ == "__main__":
    main()
