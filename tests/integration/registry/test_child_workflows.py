"""Children that are workflows of the registry, found when they start."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid
from orchestrator.states import ExecutionStatus
from tests.integration.child_workflows import child_of, kid, output, parent, state_of
from tests.integration.execution_ends import ended
from tests.integration.registered_workflows import register
from tests.makers import Rig, WorkerFleet

E = ExecutionStatus

pytestmark = pytest.mark.usefixtures("nursery")


async def test_a_child_is_named_by_name_or_id_and_version(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    record = await register(rig, "billing", kid("x"))
    await register(rig, "billing", kid("y"))

    execution_id = await rig.submit(
        parent("newest", "billing"), parent("first", record.workflow_id, version=1)
    )

    assert await ended(rig, execution_id) is E.COMPLETED
    assert await output(rig, execution_id, "newest") == {"y": {"of": "y"}}
    assert await output(rig, execution_id, "first") == {"x": {"of": "x"}}
    child = await child_of(rig, execution_id, "first")
    assert (child.workflow_id, child.workflow_version) == (record.workflow_id, 1)
    trigger = (await rig.engine.executions.get(child.execution_id)).trigger
    assert orjson.loads(trigger or b"{}")["source"] == "parent"


async def test_a_child_may_be_registered_after_its_parent(rig: Rig, fleet: WorkerFleet) -> None:
    execution_id = await rig.submit(kid("A"), parent("S", "billing", after=["A"]))
    await register(rig, "billing", kid("x"))

    await fleet.start()

    assert await ended(rig, execution_id) is E.COMPLETED


@pytest.mark.parametrize(
    ("workflow", "version", "words"),
    [
        ("billing", None, "no workflow 'billing' is registered"),
        ("wf_" + 26 * "a", None, f"no workflow 'wf_{26 * 'a'}' is registered"),
        ("orders", 7, "workflow 'orders' has no version 7; it has only version 1"),
        ("others", None, "no workflow 'others' is registered; did you mean 'orders'?"),
    ],
)
async def test_what_is_not_registered_fails_the_node_by_name(
    rig: Rig, fleet: WorkerFleet, workflow: str, version: int | None, words: str
) -> None:
    await fleet.start()
    await register(rig, "orders", kid("x"))
    await register(rig, "others", kid("x"), tenant="another")

    execution_id = await rig.submit(parent("S", workflow, version=version))

    assert await ended(rig, execution_id) is E.FAILED
    error = (await state_of(rig, execution_id, "S")).error or {}
    assert (error["type"], error["message"]) == ("ConfigError", words)


async def test_what_can_be_no_name_is_refused_at_submission(rig: Rig) -> None:
    with pytest.raises(DefinitionInvalid, match="registered workflow"):
        await rig.submit(parent("S", "Order Pipeline"))


async def test_the_levels_of_children_are_a_setting(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start(limits=Limits(max_sub_workflow_depth=1))
    await register(rig, "second", kid("x"))
    await register(rig, "first", parent("B", "second"))

    execution_id = await rig.submit(parent("A", "first"))

    assert await ended(rig, execution_id) is E.FAILED
    first = await child_of(rig, execution_id, "A")
    error = (await state_of(rig, first.execution_id, "B")).error or {}
    assert error["message"] == "the child 'second' would be more than 1 levels below its root execution"


async def test_a_child_reads_its_inputs_as_a_payload_where_its_node_asks_for_that(
    rig: Rig, fleet: WorkerFleet
) -> None:
    await fleet.start()
    read = {"n": "{{ trigger.payload.n }}{{ trigger.data.n }}"}
    await register(rig, "billing", kid("x", config=read))
    asking = parent("P", "billing", inputs={"n": 7})
    asking["config"]["inputs_as_payload"] = True

    execution_id = await rig.submit(asking)

    assert await ended(rig, execution_id) is E.COMPLETED
    assert await output(rig, execution_id, "P") == {"x": {"of": "x", "n": "77"}}


async def test_a_node_may_give_the_context_of_its_child(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    await register(rig, "billing", kid("x"), output={"only": "{{ x.of }}"})
    asking = parent("P", "billing")
    asking["config"]["as"] = "context"

    execution_id = await rig.submit(asking)

    assert await ended(rig, execution_id) is E.COMPLETED
    found = await output(rig, execution_id, "P")
    assert found["status"] == "completed"
    assert found["context"]["steps"] == {"x": {"output": {"of": "x"}}}
    assert found["context"]["trigger"]["source"] == "parent"


async def test_inputs_without_room_in_a_trigger_document_fail_the_node(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    await register(rig, "billing", kid("x"))
    asking = parent("P", "billing", inputs={f"t{n}": "{{ A.text }}" for n in range(5)}, after=["A"])
    asking["config"]["inputs_as_payload"] = True

    execution_id = await rig.submit(kid("A", config={"text": "x" * 60_000}), asking)

    assert await ended(rig, execution_id) is E.FAILED
    error = (await state_of(rig, execution_id, "P")).error or {}
    assert "trigger document" in error["message"]
    assert error["retryable"] is False
