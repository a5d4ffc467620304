"""What starts by itself has the labels of its workflow; what is started by hand has its own."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.definitions.registry import Source, WorkflowRecord
from orchestrator.loops.schedules import Schedules
from orchestrator.operations.origin import Origin
from orchestrator.operations.registered import Registered
from orchestrator.operations.schema_checks import SchemaChecks
from tests.integration.child_workflows import child_of, kid, parent
from tests.integration.execution_ends import ended
from tests.integration.receivers import Receiver, look, sending
from tests.integration.receivers import ended as ended_with
from tests.integration.webhooks_at_work import deliver
from tests.makers import Rig, WorkerFleet, node, workflow

LABELS = {"team": "blue", "door": "x"}


async def register(rig: Rig, name: str = "orders", **extras: object) -> WorkflowRecord:
    document = workflow(kid("x") if name == "kids" else node("A"), name=name, **extras)
    source = Source(orjson.dumps(document), "application/json")
    done = await rig.engine.workflows.put(name, document, source, labels=LABELS)
    return done.record


async def labels_of(rig: Rig, execution_id: str) -> dict[str, str]:
    view = await rig.engine.executions.get(execution_id)
    return dict(view.execution.labels)


async def test_a_delivery_to_a_webhook_starts_with_the_labels_of_the_workflow(rig: Rig) -> None:
    await register(rig)
    made = await rig.engine.webhooks.create("orders", {"scheme": "hub256", "path": "o"}, secrets=["s"])

    done = await deliver(rig, made.view.record, secret="s")

    assert await labels_of(rig, done.execution_id) == LABELS
    listed = await rig.engine.executions.list(labels=[("team", "blue")])
    assert [each.execution_id for each in listed.items] == [done.execution_id]


async def test_a_schedule_starts_with_the_labels_of_the_workflow(rig: Rig) -> None:
    await register(rig, triggers={"schedules": [{"every": "1m"}]})
    loop = Schedules(rig.store, rig.transitions, Registered(rig.store), SchemaChecks())

    rig.transitions.now_ms = rig.now_ms + 60_000
    await loop.run_once(rig.now_ms)
    by_hand = await rig.engine.schedules.trigger("orders")

    listed = (await rig.engine.executions.list(labels=list(LABELS.items()))).items
    assert len(listed) == 2
    assert by_hand.execution_id in {each.execution_id for each in listed}


async def test_the_end_of_another_execution_starts_with_the_labels_of_the_workflow(rig: Rig) -> None:
    record = await register(rig)
    await ended_with(rig, on_complete={"workflow": "orders"})
    await look(rig, sending(rig, Receiver()))

    (started,) = (await rig.engine.executions.list(workflow_id=record.workflow_id)).items

    assert dict(started.labels) == LABELS


@pytest.mark.usefixtures("nursery")
async def test_a_child_has_the_labels_of_its_workflow_and_none_of_its_parent(
    rig: Rig, fleet: WorkerFleet
) -> None:
    await fleet.start()
    await register(rig, "kids")
    submitted = await rig.engine.executions.submit(
        workflow(parent("P", "kids")), trigger=True, origin=Origin(labels={"of": "parent"})
    )

    await ended(rig, submitted.execution_id)

    assert dict((await child_of(rig, submitted.execution_id, "P")).labels) == LABELS


async def test_a_start_by_hand_has_the_labels_it_names(rig: Rig) -> None:
    await register(rig)

    bare = await rig.engine.workflows.start("orders")
    own = await rig.engine.workflows.start("orders", origin=Origin(labels={"a": "b"}))

    assert await labels_of(rig, bare.execution_id) == {}
    assert await labels_of(rig, own.execution_id) == {"a": "b"}


async def test_lists_are_narrowed_to_what_is_active(rig: Rig) -> None:
    await register(rig)
    await register(rig, "paused")
    await rig.engine.workflows.change("paused", is_active=False)

    async def names(is_active: bool | None) -> set[str]:
        return {each.name for each in (await rig.engine.workflows.list(is_active=is_active)).items}

    assert (await names(True), await names(False)) == ({"orders"}, {"paused"})
    # Two of one millisecond have no order of their own.
    assert await names(None) == {"paused", "orders"}
