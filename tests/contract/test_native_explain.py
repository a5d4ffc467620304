"""`…/nodes/{node_id}/explain`: one node or item, unfinished or ended."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.contract.samples import UNKNOWN, node, start, submit, workflow
from tests.contract.two_tenants import two_tenants
from tests.integration.handler_steps import act
from tests.makers import Rig

MAPPED = workflow(node("A", map={"items": [1, 2, 3], "max_concurrency": 2}), node("B", after=["A"]))


async def explained(client: httpx2.AsyncClient, execution_id: str, unit: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/executions/{execution_id}/nodes/{unit}/explain")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found.keys() == {"node_id", "status", "waiting_for", "until", "wakes", "details"}
    assert found["node_id"] == unit
    return found


async def test_each_stage_of_a_node_is_explained(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await submit(client, workflow(node("A"), node("B", after=["A"]), node("C", after=["B"])))
    before = await explained(client, execution_id, "A")
    await client.post(f"/workflow/trigger/{execution_id}")
    queued, pending = [await explained(client, execution_id, name) for name in "AB"]
    held = await rig.worker.start()
    running = await explained(client, execution_id, "A")
    await rig.worker.retry(held["A"])
    waiting = await explained(client, execution_id, "A")
    await client.post(f"/v1/executions/{execution_id}/nodes/A/retry", json={"by": "ann"})
    await rig.worker.complete(await rig.worker.start_one("A"))
    completed = await explained(client, execution_id, "A")
    await rig.worker.run_all(failing=["B"])
    failed, skipped = [await explained(client, execution_id, name) for name in "BC"]

    assert (before["wakes"], before["details"]["actions"]) == ("a trigger of the execution", ["trigger"])
    assert queued["waiting_for"].startswith("a worker: no live worker offers handler 'noop'")
    assert pending["wakes"] == "the end of A"
    assert running["waiting_for"].startswith("handler 'noop', running on worker ")
    assert waiting["waiting_for"].startswith("its next try at ")
    assert waiting["until"].endswith("Z")
    assert completed["waiting_for"].startswith("nothing: it completed at ")
    assert failed["details"]["error"]["type"]
    assert skipped["waiting_for"].startswith("nothing: it was skipped, since B failed with ")
    assert (skipped["details"]["because_of"], skipped["details"]["actions"]) == (["B"], ["retry"])


async def test_it_is_the_line_of_the_whole_explanation(client: httpx2.AsyncClient, rig: Rig) -> None:
    wait = node("W", handler="wait_for_signal") | {"config": {"name": "go", "timeout": "1h"}}
    execution_id = await start(client, workflow(wait))
    await act(rig)

    (line,) = (await client.get(f"/v1/executions/{execution_id}/explain")).json()["items"]
    alone = await explained(client, execution_id, "W")

    assert alone == line
    assert alone["wakes"] == "signal 'go', sent to the execution, or its time limit"
    assert (alone["details"]["actions"], alone["details"]["signal"]) == (["signal"], "go")


async def test_items_are_explained_like_nodes(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await start(client, MAPPED)
    await _mapped(rig)
    held = await rig.worker.start()
    await rig.worker.complete(held["A[0]"])

    done, running, queued = [await explained(client, execution_id, f"A[{index}]") for index in range(3)]
    missing = await client.get(f"/v1/executions/{execution_id}/nodes/A[3]/explain")
    no_map = await client.get(f"/v1/executions/{execution_id}/nodes/B[0]/explain")

    assert done["waiting_for"].startswith("nothing: it completed at ")
    assert running["waiting_for"].startswith("handler 'noop', running on worker ")
    assert queued["waiting_for"].startswith("a worker: ")
    for answer in (missing, no_map):
        assert (answer.status_code, answer.json()["code"]) == (404, "NODE_NOT_FOUND")


async def test_an_item_that_is_not_started_waits_for_its_turn(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await start(client, MAPPED)
    await _mapped(rig)

    found = await explained(client, execution_id, "A[2]")

    assert found["status"] == "PENDING"
    assert found["waiting_for"].startswith("its turn: 2 of at most 2 items are under way")


async def test_an_item_that_others_have_stopped_does_not_blame_the_execution(
    client: httpx2.AsyncClient, rig: Rig
) -> None:
    execution_id = await start(client, MAPPED)
    await _mapped(rig, stops=True)
    held = await rig.worker.start()
    await rig.worker.retry(held["A[1]"])
    await rig.worker.fail(held["A[0]"])
    stopped, unstarted = [await explained(client, execution_id, f"A[{index}]") for index in (1, 2)]
    await rig.worker.run_all(failing=["A"])
    failed = await explained(client, execution_id, "A[1]")

    assert (stopped["status"], unstarted["status"]) == ("CANCELLED", "CANCELLED")
    assert stopped["waiting_for"] == "nothing: it was cancelled, since A runs no further item"
    assert stopped["details"]["cause"] is None
    assert failed["waiting_for"] == stopped["waiting_for"]
    assert failed["details"]["actions"] == ["retry"]


async def test_what_is_not_there_is_404(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, workflow(node("A")))

    for path, code in (
        (f"{execution_id}/nodes/Z", "NODE_NOT_FOUND"),
        (f"{execution_id}/nodes/$output", "NODE_NOT_FOUND"),
        (f"{UNKNOWN}/nodes/A", "EXECUTION_NOT_FOUND"),
    ):
        answer = await client.get(f"/v1/executions/{path}/explain")

        assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_a_tenant_is_not_given_the_name_of_a_worker(redis_url: str, rig: Rig) -> None:
    async with two_tenants(redis_url) as tenants:
        mine = {"X-API-Key": tenants.keys["acme"]}
        execution_id = await start(tenants.client, workflow(node("A")), **mine)
        await rig.worker.start()

        answer = await tenants.client.get(f"/v1/executions/{execution_id}/nodes/A/explain", headers=mine)

    assert answer.status_code == 200, answer.text
    assert answer.json()["waiting_for"].startswith("handler 'noop', running on its worker")
    assert rig.worker.worker_id not in answer.text


async def _mapped(rig: Rig, *, stops: bool = False) -> None:
    """Have the mapped node find its items; the first of them are queued."""
    held = await rig.worker.start_one("A")
    await rig.transitions.map_node(held, [b"1", b"2", b"3"], tolerated=0, stops=stops)
