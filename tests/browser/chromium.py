"""Where Chromium is, how it is started, and what its absence means."""

from __future__ import annotations

import os
import shutil

#: A page must show what it shows without the browser asking anybody else.
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
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    f"no Chromium on PATH (looked for {', '.join(NAMES)}); install one (Debian: apt-get install chromium), "
    "or name it: CHROMIUM=/path/to/chromium"
)


def executable() -> str | None:
    """The path of the browser; None where there is none. CHROMIUM names another than the one on PATH."""
    given = os.environ.get("CHROMIUM")
    return given or next(filter(None, map(shutil.which, NAMES)), None)
