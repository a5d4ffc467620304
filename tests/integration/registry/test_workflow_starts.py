"""What a start by name costs, and what it knows of changes that others make."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine import Engine
from orchestrator.errors import InputsInvalid, WorkflowInactive, WorkflowNotFound
from tests.integration.registered_workflows import register
from tests.makers import Rig, node, workflow
from workers.handlers import Catalogue


async def commands(rig: Rig) -> dict[str, int]:
    """How often each command has been called."""
    found: dict[str, Any] = await rig.redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): row["calls"] for name, row in found.items()}


async def test_a_start_by_name_looks_at_its_record_and_at_nothing_else(rig: Rig) -> None:
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
    # The revision of the record, by the script that starts, and a place in the index of its workflow.
    assert {name: calls for name, calls in more.items() if name != "info"} == {"hget": 1, "zadd": 1}


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


async def test_a_process_that_has_seen_an_earlier_state_starts_what_is_there_now(rig: Rig) -> None:
    narrow = {"type": "object", "properties": {"n": {"type": "integer"}}}
    await register(rig, "orders", inputs=narrow)
    other = Engine(rig.redis, rig.redis, catalogue=Catalogue).workflows
    await other.start("orders", inputs={"n": 1})

    await register(rig, "orders", node("B"), inputs={"type": "object"})
    wider = await other.start("orders", inputs={"n": "x"})
    await rig.engine.workflows.change("orders", is_active=False)
    with pytest.raises(WorkflowInactive):
        await other.start("orders")
    await rig.engine.workflows.change("orders", is_active=True)
    resumed = await other.start("orders")
    await rig.engine.workflows.remove("orders")
    with pytest.raises(WorkflowNotFound):
        await other.start("orders")

    for started in (wider, resumed):
        execution = await rig.store.execution(started.execution_id)
        assert execution is not None
        assert execution.workflow_version == 2
        assert list(await rig.nodes(started.execution_id)) == ["B"]


async def test_a_wrong_start_is_refused_by_the_newest_state(rig: Rig) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    await register(rig, "orders", inputs=schema)
    await rig.engine.workflows.start("orders")

    with pytest.raises(InputsInvalid):
        await rig.engine.workflows.start("orders", inputs={"n": "x"})
    with pytest.raises(WorkflowNotFound, match="has no version 2"):
        await rig.engine.workflows.start("orders", version=2)


async def test_a_workflow_of_another_tenant_is_unknown(rig: Rig) -> None:
    record = await register(rig, "orders", tenant="another")

    for name in ("orders", record.workflow_id):
        with pytest.raises(WorkflowNotFound):
            await rig.engine.workflows.start(name)
    started = await rig.engine.of("another").workflows.start("orders")
    assert await rig.store.tenant(started.execution_id) == "another"
    assert (await register(rig, "orders")).name == "orders"
