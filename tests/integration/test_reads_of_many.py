"""Reads that save a call for each: trigger documents, configs of all nodes, what is under way."""

from __future__ import annotations

from orchestrator.operations.origin import Origin
from orchestrator.states import ExecutionStatus
from tests.makers import Rig, node, workflow


async def test_trigger_documents_of_a_list_are_read_together(rig: Rig) -> None:
    for trigger in (None, {"payload": {"n": 1}}):
        await rig.engine.executions.submit(workflow(node("A")), trigger=True, origin=Origin(trigger=trigger))
    page = await rig.engine.executions.list()

    found = await rig.engine.executions.triggers(page.items)

    assert found == {page.items[0].execution_id: b'{"payload":{"n":1},"source":"manual"}'}
    assert await rig.engine.executions.triggers([]) == {}


async def test_configs_of_what_has_begun_are_rendered_together(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A", config={"n": "{{ inputs.n | default(1) }}"}),
        node("B", after=["A"], config={"got": "{{ A.n }}", "none": "{{ A.nothing }}"}),
        node("C", after=["B"]),
    )
    held = await rig.worker.start()
    await rig.worker.complete(held["A"], {"n": 7})
    await rig.worker.start()

    found = await rig.engine.nodes.rendered_configs(execution_id)

    assert {name: each.config for name, each in found.items()} == {
        "A": {"n": 1},
        "B": {"got": 7, "none": "{{ A.nothing }}"},
    }
    assert [problem.path for problem in found["B"].problems] == ["config.none"]
    assert list(await rig.engine.nodes.rendered_configs(execution_id, most=1)) == ["A"]


async def test_what_has_not_ended_is_counted_for_its_tenant(rig: Rig) -> None:
    await rig.engine.tenants.create("acme")
    ids = [await rig.submit(node("A")) for _ in range(3)]
    await rig.submit(node("A"), trigger=False)
    await rig.engine.of("acme").executions.submit(workflow(node("A")), trigger=True)
    await rig.engine.executions.pause(ids[0], request_id="p")
    await rig.engine.executions.cancel(ids[1], grace_ms=0, request_id="c")

    report = await rig.engine.statistics.between()
    other = await rig.engine.of("acme").statistics.between()

    assert (report.under_way, other.under_way) == (2, 1)
    assert report.statistics.executions.counts == {ExecutionStatus.CANCELLED: 1}
