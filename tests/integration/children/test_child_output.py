"""A child whose definition says what it puts out as a whole."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.states import ExecutionStatus
from tests.integration.child_workflows import Nursery, child_of, family, kid, parent, state_of
from tests.integration.execution_ends import ended
from tests.makers import Rig, WorkerFleet

pytestmark = pytest.mark.usefixtures("nursery")


async def test_what_the_child_puts_out_as_a_whole_is_the_nodes_output(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    child = family(output={"first": "{{ x.of }}", "both": ["{{ x.of }}", "{{ y.of }}"]})

    execution_id = await rig.submit(
        parent("S", child), kid("B", after=["S"], config={"got": "{{ S.first }}"})
    )

    assert await ended(rig, execution_id) is ExecutionStatus.COMPLETED
    outputs = await rig.engine.executions.results(execution_id)
    assert orjson.loads(outputs["S"] or b"null") == {"first": "x", "both": ["x", "y"]}
    assert orjson.loads(outputs["B"] or b"null")["got"] == "x"


async def test_an_output_that_failed_is_named_by_the_nodes_error(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    child = family(output="{{ x.nothing_such }}")

    execution_id = await rig.submit(parent("S", child, retry={"max_attempts": 2, "initial_interval": 0}))

    assert await ended(rig, execution_id) is ExecutionStatus.FAILED
    found, state = await child_of(rig, execution_id, "S"), await state_of(rig, execution_id, "S")
    assert found.generation == 2
    assert nursery.calls == {"x": 1, "y": 1}
    assert state.error is not None
    assert state.error["type"] == "ChildFailed"
    assert "its output failed with TemplateError" in state.error["message"]
    assert state.error["details"]["failed"][0]["node_id"] == "$output"
