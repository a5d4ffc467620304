"""The command line as a whole: it starts at once."""

from __future__ import annotations

import os
import subprocess
import sys

from docs.generate import ROOT


def test_the_help_loads_nothing_that_only_a_command_needs() -> None:
    program = "import sys; import cli.__main__; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint({"asyncio", "config", "httpx2", "pydantic", "redis", "rich", "ssl", "yaml"})
