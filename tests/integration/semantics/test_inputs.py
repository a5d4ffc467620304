"""Inputs are checked when an execution starts, wherever they were given."""

import pytest

from orchestrator.errors import InputsInvalid
from orchestrator.states import ExecutionStatus
from tests.makers import Rig

ASKS = {
    "name": "asks",
    "inputs": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
    "nodes": [{"id": "A", "handler": "noop"}],
}
DEFAULTS = {
    "name": "defaults",
    "inputs": {"type": "object", "properties": {"n": {"type": "integer", "default": 7}}},
    "nodes": [{"id": "A", "handler": "noop"}],
}


async def test_definition_that_asks_for_inputs_can_be_submitted_without(rig: Rig) -> None:
    made = await rig.engine.executions.submit(ASKS)

    with pytest.raises(InputsInvalid, match="n"):
        await rig.engine.executions.trigger(made.execution_id)
    assert await rig.engine.executions.status(made.execution_id) is ExecutionStatus.PENDING

    started = await rig.engine.executions.trigger(made.execution_id, {"n": 1})
    assert started.status is ExecutionStatus.RUNNING


async def test_defaults_are_filled_in_at_the_trigger(rig: Rig) -> None:
    made = await rig.engine.executions.submit(DEFAULTS)

    await rig.engine.executions.trigger(made.execution_id)

    assert (await rig.engine.executions.get(made.execution_id)).execution.inputs == {"n": 7}


async def test_submission_that_starts_at_once_needs_its_inputs_at_once(rig: Rig) -> None:
    with pytest.raises(InputsInvalid):
        await rig.engine.executions.submit(ASKS, trigger=True)
