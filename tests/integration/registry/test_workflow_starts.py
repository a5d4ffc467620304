"""What a start by name costs, and what it knows of changes that others make."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import WorkflowInactive, WorkflowNotFound
from orchestrator.operations.registered import Registered
from tests.integration.registered_workflows import register
from tests.makers import Rig, node, workflow


async def commands(rig: Rig) -> dict[str, int]:
    """How often each command has been called."""
    found: dict[str, Any] = await rig.redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): row["calls"] for name, row in found.items()}


async def test_a_start_by_name_reads_its_record_and_nothing_else(rig: Rig) -> None:
    await register(rig, "orders")
    document = workflow(node("A"), name="orders")
    for _ in range(2):
        await rig.engine.workflows.start("orders")
        await rig.engine.executions.submit(document, trigger=True)
    before = await commands(rig)

    await rig.engine.workflows.start("orders")
    between = await commands(rig)
    await rig.engine.executions.submit(document, trigger=True)
    after = await commands(rig)

    by_name = {name: calls - before.get(name, 0) for name, calls in between.items()}
    sent = {name: calls - between.get(name, 0) for name, calls in after.items()}
    more = {name: by_name[name] - sent[name] for name in sent if by_name[name] != sent[name]}
    # The record, and its place in the index of its workflow.
    assert {name: calls for name, calls in more.items() if name != "info"} == {"hgetall": 1, "zadd": 1}


async def test_a_name_stands_for_what_has_it_now(rig: Rig) -> None:
    first = await register(rig, "orders")
    await rig.engine.workflows.start("orders")
    await rig.engine.workflows.remove("orders")

    with pytest.raises(WorkflowNotFound):
        await rig.engine.workflows.start("orders")
    second = await register(rig, "orders", node("B"))
    started = await rig.engine.workflows.start("orders")

    execution = await rig.store.execution(started.execution_id)
    assert execution is not None
    assert execution.workflow_id == second.workflow_id != first.workflow_id
    assert list(await rig.nodes(started.execution_id)) == ["B"]


async def test_another_process_sees_a_change_at_once(rig: Rig) -> None:
    await register(rig, "orders")
    other = Registered(rig.store)
    await other.compiled(await other.find("default", "orders"))

    await register(rig, "orders", node("B"))
    found = await other.compiled(await other.find("default", "orders"))
    await rig.engine.workflows.set_active("orders", is_active=False)

    assert [each.id for each in found.definition.nodes] == ["B"]
    assert not (await other.find("default", "orders")).is_active
    with pytest.raises(WorkflowInactive):
        await rig.engine.workflows.start("orders")


async def test_a_workflow_of_another_tenant_is_unknown(rig: Rig) -> None:
    record = await register(rig, "orders", tenant="another")

    for name in ("orders", record.workflow_id):
        with pytest.raises(WorkflowNotFound):
            await rig.engine.workflows.start(name)
    started = await rig.engine.of("another").workflows.start("orders")
    assert await rig.store.tenant(started.execution_id) == "another"
    assert (await register(rig, "orders")).name == "orders"
