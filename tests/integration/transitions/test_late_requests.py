"""Requests that come again, or come at all, after the execution they meant has ended."""

from __future__ import annotations

import pytest

from orchestrator.errors import InvalidTransition
from orchestrator.states import ExecutionStatus
from tests.makers import Rig, node

E = ExecutionStatus
NEEDS_N = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}


async def test_a_cancel_sent_again_does_not_cancel_what_was_retried_since(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.engine.executions.cancel(execution_id, request_id="one")
    await rig.engine.executions.retry(execution_id)

    again = await rig.engine.executions.cancel(execution_id, request_id="one")

    assert again.already
    assert await rig.status(execution_id) is E.RUNNING
    assert await rig.worker.run_all() == ["A"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_another_cancel_does(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.engine.executions.cancel(execution_id, request_id="one")
    await rig.engine.executions.retry(execution_id)

    assert not (await rig.engine.executions.cancel(execution_id, request_id="two")).already

    assert await rig.status(execution_id) is E.CANCELLED


async def test_a_retry_does_not_start_what_was_cancelled_before_anybody_gave_its_inputs(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), inputs=NEEDS_N, trigger=False)
    await rig.engine.executions.cancel(execution_id, request_id="one")

    for preview in (True, False):
        with pytest.raises(InvalidTransition, match="its inputs were never given"):
            await rig.engine.executions.retry(execution_id, preview=preview)

    assert await rig.status(execution_id) is E.CANCELLED
    replayed = await rig.engine.executions.replay(execution_id, inputs={"n": 1})
    assert await rig.status(replayed.execution_id) is E.RUNNING


async def test_a_retry_starts_what_was_cancelled_before_it_began(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), trigger=False)
    await rig.engine.executions.cancel(execution_id, request_id="one")

    await rig.engine.executions.retry(execution_id)

    assert await rig.worker.run_all() == ["A"]
    assert await rig.status(execution_id) is E.COMPLETED
