"""Which ends are sent, to which targets, and what a message says."""

from __future__ import annotations

import pytest

from orchestrator.operations.origin import Origin
from tests.integration.receivers import URL, Receiver, look, sending
from tests.makers import OK, Rig, node, workflow


async def test_a_message_says_what_became_of_the_execution(rig: Rig) -> None:
    receiver = Receiver()
    document = workflow(node("A"), name="Orders", output={"sum": 3}, on_complete={"url": URL})
    submitted = await rig.engine.executions.submit(document, trigger=True)
    await rig.worker.run_all()

    await look(rig, sending(rig, receiver))

    (body,) = receiver.bodies
    assert body["type"] == "execution.completed"
    data = body["data"]
    assert data["execution_id"] == submitted.execution_id
    assert (data["status"], data["title"], data["generation"]) == ("COMPLETED", "Orders", 1)
    assert data["output"] == OK
    assert data["href"] == f"/v1/executions/{submitted.execution_id}"
    assert body["timestamp"] == data["ended_at"]


async def test_a_failure_is_sent_with_its_error(rig: Rig) -> None:
    receiver = Receiver()
    await rig.submit(node("A"), on_failure={"url": URL}, on_complete={"url": URL + "/other"})
    await rig.worker.run_all(failing=["A"])

    await look(rig, sending(rig, receiver))

    (body,) = receiver.bodies
    assert body["type"] == "execution.failed"
    assert body["data"]["error"] == {"type": "HandlerError", "message": "it broke", "node_id": "A"}


@pytest.mark.parametrize("is_started", [True, False])
async def test_a_cancel_is_sent(rig: Rig, is_started: bool) -> None:
    receiver = Receiver()
    execution_id = await rig.submit(node("A"), trigger=is_started, on_cancel={"url": URL})
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="1")

    await look(rig, sending(rig, receiver))

    assert [body["type"] for body in receiver.bodies] == ["execution.cancelled"]


async def test_an_execution_without_targets_makes_no_delivery(rig: Rig) -> None:
    await rig.submit(node("A"))
    await rig.worker.run_all()

    assert await rig.redis.keys("*deliver*") == []


async def test_a_retry_that_ends_is_another_message(rig: Rig) -> None:
    receiver = Receiver()
    webhooks = sending(rig, receiver)
    execution_id = await rig.submit(node("A"), on_failure={"url": URL}, on_complete={"url": URL})
    await rig.worker.run_all(failing=["A"])
    await look(rig, webhooks)
    await rig.engine.executions.retry(execution_id)
    await rig.worker.run_all()

    await look(rig, webhooks)

    assert [(body["type"], body["data"]["generation"]) for body in receiver.bodies] == [
        ("execution.failed", 1),
        ("execution.completed", 2),
    ]
    assert len({name for _, name, _ in receiver.seen}) == 2


async def test_the_targets_of_a_start_are_added_to_those_of_the_definition(rig: Rig) -> None:
    receiver = Receiver()
    origin = Origin(notify={"on_complete": [{"url": f"{URL}/start"}, {"url": f"{URL}/more"}]})
    submitted = await rig.engine.executions.submit(
        workflow(node("A"), on_complete={"url": URL}), trigger=True, origin=origin
    )
    await rig.worker.run_all()

    await look(rig, sending(rig, receiver))

    page = await rig.engine.deliveries.list(execution_id=submitted.execution_id)
    assert sorted(each.target.url for each in page.items) == [URL, f"{URL}/more", f"{URL}/start"]
    assert len(receiver.seen) == 3


async def test_a_rerun_takes_over_the_targets_of_the_definition_alone(rig: Rig) -> None:
    origin = Origin(notify={"on_complete": {"url": f"{URL}/start"}})
    submitted = await rig.engine.executions.submit(
        workflow(node("A"), on_complete={"url": URL}), trigger=True, origin=origin
    )
    await rig.worker.run_all()

    rerun = await rig.engine.executions.replay(submitted.execution_id)
    await rig.worker.run_all()
    fork = await rig.engine.executions.fork(submitted.execution_id, from_node="A")
    await rig.worker.run_all()

    for execution_id in (rerun.execution_id, fork.execution_id):
        page = await rig.engine.deliveries.list(execution_id=execution_id)
        assert [each.target.url for each in page.items] == [URL]


async def test_a_large_definition_with_targets_of_its_start_notifies_too(rig: Rig) -> None:
    nodes = [node(f"n{number}") for number in range(1_200)]
    submitted = await rig.engine.executions.submit(
        workflow(*nodes), trigger=True, origin=Origin(notify={"on_cancel": {"url": URL}})
    )
    await rig.engine.executions.cancel(submitted.execution_id, grace_ms=0, request_id="1")

    page = await rig.engine.deliveries.list(execution_id=submitted.execution_id)

    assert [each.event for each in page.items] == ["execution.cancelled"]
