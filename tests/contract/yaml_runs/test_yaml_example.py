"""`examples/stream_demo.py`, run as its readers run it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.api_process import api_process
from tests.makers import WorkerFleet
from tests.patience import PATIENCE_S
from tests.source_tree import ROOT
from workers.context import Toolbox


async def demonstrated(port: int) -> tuple[int | None, list[str]]:
    """Run the example against an API; gives its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "examples" / "stream_demo.py"),
        env={**os.environ, "API_URL": f"http://127.0.0.1:{port}"},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return process.returncode, printed.decode().splitlines()


async def test_it_registers_once_runs_and_prints_the_events(
    redis_url: str, fleet: WorkerFleet, tools: Toolbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORKFLOWS_DIR", str(tmp_path))
    await fleet.start(tools=tools)
    with api_process(redis_url) as (_, port):
        first, again = await demonstrated(port), await demonstrated(port)

    for code, lines in (first, again):
        words = [line.split() for line in lines[1:]]
        assert code == 0, lines
        assert [words[0][0], words[-1][0]] == ["run_started", "run_completed"]
        progress = [line[2] for line in words if line[0] == "step_completed"]
        assert progress == ["16", "33", "50", "66", "83", "100"]
