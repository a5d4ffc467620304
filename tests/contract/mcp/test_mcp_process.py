"""A process of its own: what its agents see when it stops."""

from __future__ import annotations

import asyncio
import signal

import pytest

pytest.importorskip("mcp", reason="pip install -r requirements-mcp.lock")

from tests.api_process import api_process
from tests.contract.mcp.agents import agent
from tests.contract.samples import node, workflow
from tests.patience import PATIENCE_S

SLOW = workflow(node("D", handler="delay", config={"seconds": 3600}))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_process_that_stops_answers_what_is_followed(redis_url: str, mode: str) -> None:
    with api_process(redis_url) as (process, port):
        async with agent(f"http://127.0.0.1:{port}", mode=mode) as helper:
            started = await helper.call("start_workflow", definition=SLOW)
            following = asyncio.create_task(
                helper.call("wait_for_run", execution_id=started["execution_id"], timeout_s=600)
            )
            async with asyncio.timeout(PATIENCE_S):
                await helper.reported.wait()  # it reports how the run stands, and then listens

            process.send_signal(signal.SIGTERM)
            answer = await following

        assert answer["returned_because"] == "broken_off"
        assert answer["run"]["status"] == "RUNNING"
        await asyncio.to_thread(process.wait, PATIENCE_S)
