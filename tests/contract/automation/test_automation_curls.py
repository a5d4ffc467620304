"""The documented calls as a script of curl, signature included, against a real server and real workers."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket

import pytest

from tests.api_process import api_process
from tests.makers import WorkerFleet
from tests.patience import PATIENCE_S
from tests.source_tree import ROOT

SCRIPT = ROOT / "examples" / "automation_curls.sh"


pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "openssl"))), reason="needs bash, curl and openssl"
)


async def played(port: int) -> tuple[int | None, str]:
    """Run the script against an API; gives its exit code and what it printed."""
    script = await asyncio.create_subprocess_exec(
        str(SCRIPT),
        env={**os.environ, "API_URL": f"http://127.0.0.1:{port}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        printed, _ = await script.communicate()
    return script.returncode, printed.decode()


async def test_every_documented_call_is_answered_as_documented(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    with api_process(redis_url) as (_, port):
        code, text = await played(port)

    assert code == 0, text
    assert "WRONG" not in text
    assert text.count("\nok ") >= 25
    assert text.endswith("All calls answered as documented.\n")


async def test_without_an_api_it_says_so_in_one_line() -> None:
    with socket.socket() as bound:  # and does not listen
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        code, text = await played(port)

    expected = (
        f"no Headrace answers at http://127.0.0.1:{port}; start one with ./headrace dev, or set API_URL\n"
    )
    assert (code, text) == (1, expected)
