"""What keeps a map, or one item of it, from running at all or from being kept."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.integration.execution_ends import ended
from tests.integration.handler_steps import act, output_of
from tests.integration.mapped_nodes import CALLS, statuses, tens
from tests.makers import Rig, WorkerFleet, node

pytestmark = pytest.mark.usefixtures("tens_handler")
E, N = ExecutionStatus, NodeStatus


async def test_outputs_of_items_too_large_together_fail_the_node(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start(output_max_bytes=1_000)
    execution_id = await rig.submit(tens([1, 2, 3], config={"output": "x" * 400}))
    await ended(rig, execution_id)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert state.status is N.FAILED
    assert state.error is not None
    assert state.error["type"] == "OutputTooLarge"
    assert "1000 bytes" in state.error["message"]
    assert await statuses(rig, execution_id) == [N.COMPLETED] * 3


async def test_an_item_whose_output_is_too_large_fails_alone(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start(output_max_bytes=1_000)
    config = {"output": "{{ item }}{{ item }}{{ item }}{{ item }}"}
    execution_id = await rig.submit(tens(["x" * 300, "y"], config=config, tolerated_failure_count=1))
    await ended(rig, execution_id)

    large, small = output_of(await rig.store.output(execution_id, "A"))

    assert (large["status"], large["error"]["type"]) == ("FAILED", "OutputTooLarge")
    assert small == {"index": 1, "status": "COMPLETED", "output": "yyyy"}


@pytest.mark.parametrize(
    ("rows", "type", "says"),
    [
        ({"a": 1}, "TemplateError", "must give a list, got an object"),
        (None, "TemplateError", "must give a list, got null"),
        ([1, 2, 3], "TemplateError", "gives 3 items; allowed are 2 (max_items)"),
        (["x" * 600_000, "y" * 600_000], "OutputTooLarge", "have more than 1,048,576 bytes"),
    ],
)
async def test_a_list_that_cannot_be_mapped_fails_the_node_before_any_item(
    rig: Rig, rows: Any, type: str, says: str
) -> None:
    execution_id = await rig.submit(tens("{{ B.rows }}", after=["B"], max_items=2), node("B"))
    await rig.worker.complete(await rig.worker.start_one("B"), {"rows": rows})

    await act(rig)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.reason) == (N.FAILED, Reason.ERROR)
    assert state.error is not None
    assert state.error["type"] == type
    assert says in state.error["message"]
    assert CALLS == {}


async def test_a_false_when_skips_the_whole_map(rig: Rig) -> None:
    execution_id = await rig.submit(tens([1, 2], when="{{ 1 > 2 }}"))

    assert await act(rig) == ["A"]

    assert (await rig.reasons(execution_id))["A"] is Reason.CONDITION_FALSE
    assert CALLS == {}


async def test_an_item_takes_a_signal_that_came_before(rig: Rig) -> None:
    each = node("A", handler="wait_for_signal", map={"items": [1, {"signal": "not one"}]})
    execution_id = await rig.submit(each | {"config": {"name": "go", "timeout": "1h"}})
    await rig.engine.signals.send(execution_id, "go", "early")

    await act(rig)

    assert sorted(await statuses(rig, execution_id)) == [N.COMPLETED, N.WAITING]
    await rig.engine.signals.send(execution_id, "go", "late")
    await act(rig)
    assert sorted(output_of(await rig.store.output(execution_id, "A"))) == ["early", "late"]
    assert await rig.nothing_is_left_behind()
