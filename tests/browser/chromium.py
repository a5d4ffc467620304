"""Where Chromium is, how it is started, and what its absence means."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, ViewportSize

from tests.patience import PATIENCE_S

VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
#: What a page shows in time, it shows within this; a busy machine is slow, not broken.
LIMIT_MS = PATIENCE_S / 6 * 1000

#: A page must show what it shows without the browser asking anyone else.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
#: `.ci/run` sets this: there, these tests have to run.
IS_REQUIRED = os.environ.get("HEADRACE_BROWSER") == "required"
#: The one without a window is the same engine, and takes half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    f"no Chromium on PATH (looked for {', '.join(NAMES)}); install one (Debian: apt-get install "
    "chromium-headless-shell), or name it: CHROMIUM=/path/to/chromium"
)


def executable() -> str | None:
    """The path of the browser; None where there is none. CHROMIUM names another than the one on PATH."""
    given = os.environ.get("CHROMIUM")
    return given or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def new_context(browser: Browser, url: str) -> Iterator[BrowserContext]:
    """Give a context of its own to those who reach the stack at `url`."""
    made = browser.new_context(
        base_url=url, viewport=VIEWPORT, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
    )
    made.set_default_timeout(LIMIT_MS)
    yield made
    made.close()
