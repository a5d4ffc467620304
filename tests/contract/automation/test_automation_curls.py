"""The documented calls as a script of curl, signature included, against a real server and real workers."""

from __future__ import annotations

import asyncio
import os
import shutil

import pytest

from tests.api_process import api_process
from tests.makers import WorkerFleet
from tests.patience import PATIENCE_S
from tests.source_tree import ROOT

SCRIPT = ROOT / "examples" / "automation_curls.sh"


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "openssl"))), reason="needs bash, curl and openssl"
)
async def test_every_documented_call_is_answered_as_documented(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    with api_process(redis_url) as (_, port):
        script = await asyncio.create_subprocess_exec(
            str(SCRIPT),
            env={**os.environ, "API_URL": f"http://127.0.0.1:{port}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await script.communicate()

    text = said.decode()
    assert script.returncode == 0, text
    assert "WRONG" not in text
    assert text.count("\nok ") >= 25
    assert text.endswith("All calls answered as documented.\n")
