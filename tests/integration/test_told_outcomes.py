"""Who waits since the start is told what an execution came to, and need not read it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.operations.origin import Origin
from orchestrator.states import ExecutionStatus
from orchestrator.store.records import read_outcome
from tests.makers import Rig, node, workflow
from tests.patience import PATIENCE_S

CHANNEL = "workflows:ends:1"


async def message_of_the_end(rig: Rig, waiter: str, inputs: Any = None) -> tuple[str, bytes]:
    """Run an execution to its end; gives its id and what its waiter is told."""
    async with rig.redis.pubsub() as listening:
        await listening.subscribe(CHANNEL)
        submitted = await rig.engine.executions.submit(
            workflow(node("A")), inputs=inputs, trigger=True, origin=Origin(waiter=waiter)
        )
        await rig.worker.run_all()
        async with asyncio.timeout(PATIENCE_S):
            while (message := await listening.get_message(True, timeout=PATIENCE_S)) is None:
                continue
        told: bytes = message["data"]
        return submitted.execution_id, told


@pytest.mark.parametrize("text", ["plain", "Grüße, \n 1 2 -", ""])
async def test_what_is_told_is_what_would_be_read(rig: Rig, text: str) -> None:
    execution_id, told = await message_of_the_end(rig, f"{CHANNEL} outcome", {"text": text})

    found = read_outcome(execution_id, told)

    assert found is not None and found[0] is not None
    assert found == await rig.store.execution_and_output(execution_id)
    assert (found[0].status, found[0].inputs) == (ExecutionStatus.COMPLETED, {"text": text})


async def test_what_is_large_is_left_to_be_read(rig: Rig) -> None:
    execution_id, told = await message_of_the_end(rig, f"{CHANNEL} outcome", {"a": "x" * 20_000})

    assert told == execution_id.encode()
    assert read_outcome(execution_id, told) is None


async def test_who_has_not_asked_is_told_of_the_end_alone(rig: Rig) -> None:
    execution_id, told = await message_of_the_end(rig, CHANNEL)

    assert told == execution_id.encode()
