"""The end of an execution starts another workflow, once."""

from __future__ import annotations

import orjson

from orchestrator.execution.deliveries import DeliveryState
from orchestrator.loops.webhooks import PUT_OFF_MS
from tests.integration.receivers import Receiver, delivery_of, ended, look, sending
from tests.integration.registered_workflows import register
from tests.makers import Rig, node

S = DeliveryState


async def test_the_end_of_an_execution_starts_another_workflow_once(rig: Rig) -> None:
    await register(rig, "cleanup", node("C"))
    execution_id = await ended(rig, on_complete={"workflow": "cleanup", "inputs": {"n": 1}})
    webhooks = sending(rig, Receiver())

    await look(rig, webhooks)
    delivery = await delivery_of(rig, execution_id)
    await rig.engine.deliveries.resend(delivery.delivery_id, request_id="1")
    await look(rig, webhooks)

    assert delivery.state is S.DELIVERED
    record = await rig.engine.workflows.get("cleanup")
    page = await rig.engine.executions.list(workflow_id=record.workflow_id)
    (started,) = page.items
    assert started.execution_id == delivery.attempts[0].started
    assert started.inputs == {"n": 1}
    trigger = orjson.loads((await rig.engine.executions.get(started.execution_id)).trigger or b"")
    assert (trigger["source"], trigger["execution_id"]) == ("parent", execution_id)
    assert trigger["data"]["status"] == "COMPLETED"


async def test_a_start_whose_record_was_lost_is_not_made_again(rig: Rig) -> None:
    await register(rig, "cleanup", node("C"))
    execution_id = await ended(rig, on_complete={"workflow": "cleanup"})
    webhooks = sending(rig, Receiver())
    record = webhooks.transitions.record_delivery
    webhooks.transitions.record_delivery = None  # type: ignore[assignment, method-assign]
    await look(rig, webhooks)
    webhooks.transitions.record_delivery = record  # type: ignore[method-assign]
    await rig.engine.workflows.change("cleanup", is_active=False)

    await look(rig, webhooks, after_ms=PUT_OFF_MS)

    assert (await delivery_of(rig, execution_id)).state is S.DELIVERED
    workflow_id = (await rig.engine.workflows.get("cleanup")).workflow_id
    assert len((await rig.engine.executions.list(workflow_id=workflow_id)).items) == 1


async def test_a_workflow_that_is_not_there_is_tried_again(rig: Rig) -> None:
    execution_id = await ended(rig, on_complete={"workflow": "cleanup"})
    webhooks = sending(rig, Receiver())
    await look(rig, webhooks)
    missing = await delivery_of(rig, execution_id)
    await register(rig, "cleanup", node("C"))

    await look(rig, webhooks, after_ms=5_000)

    assert missing.state is S.PENDING
    assert missing.attempts[0].error == "no workflow 'cleanup' is registered"
    assert (await delivery_of(rig, execution_id)).state is S.DELIVERED


async def test_another_tenant_s_workflow_is_not_started(rig: Rig) -> None:
    await register(rig, "cleanup", node("C"), tenant="acme")
    execution_id = await ended(rig, on_complete={"workflow": "cleanup"})

    await look(rig, sending(rig, Receiver()))

    assert (await delivery_of(rig, execution_id)).state is S.PENDING


async def test_a_workflow_that_starts_itself_comes_to_an_end(rig: Rig) -> None:
    record = await register(rig, "again", node("A"), on_complete={"workflow": "again"})
    await rig.engine.workflows.start("again")
    webhooks = sending(rig, Receiver())

    for _ in range(20):
        await rig.worker.run_all()
        await look(rig, webhooks)

    page = await rig.engine.executions.list(workflow_id=record.workflow_id)
    assert len(page.items) == 11
    newest = await delivery_of(rig, page.items[0].execution_id)
    assert newest.state is S.FAILED
    assert newest.attempts[0].error is not None
    assert newest.attempts[0].error.startswith("10 executions were each started by the end of another")
