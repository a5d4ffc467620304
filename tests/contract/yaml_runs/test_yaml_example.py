"""`examples/stream_demo.py`, run as its readers run it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from tests.api_process import api_process
from tests.makers import WorkerFleet
from tests.patience import PATIENCE_S
from tests.source_tree import ROOT
from workers.context import Toolbox


async def demonstrated(port: int) -> tuple[int | None, list[str]]:
    """Run the example against an API; gives its exit code and what it printed, errors with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "examples" / "stream_demo.py"),
        env={**os.environ, "API_URL": f"http://127.0.0.1:{port}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
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


async def test_without_an_api_it_says_so_in_one_line() -> None:
    with socket.socket() as bound:  # and does not listen
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        code, lines = await demonstrated(port)

    assert code == 1
    (line,) = lines
    assert line.startswith(f"stream_demo: no API answers at http://127.0.0.1:{port} (")
    assert line.endswith("; start one with ./headrace dev, or set API_URL")


async def test_without_a_key_it_says_which_variable_has_it(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH_REQUIRED", "true")
    monkeypatch.delenv("API_KEY", raising=False)
    with api_process(redis_url) as (_, port):
        code, lines = await demonstrated(port)

    assert (code, lines) == (1, ["stream_demo: the API needs a key that it knows; set API_KEY"])
