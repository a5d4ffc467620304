"""`DELETE /v1/executions/{id}`: what has ended goes, what runs does not."""

from __future__ import annotations

import httpx2
import pytest

from tests.contract.children import KID, start_child
from tests.contract.samples import UNKNOWN, node, workflow
from tests.makers import FakeWorker


async def created(client: httpx2.AsyncClient, *nodes: dict[str, object], trigger: bool = True) -> str:
    body = {"definition": workflow(*nodes), "trigger": trigger}
    return str((await client.post("/v1/executions", json=body)).json()["execution_id"])


async def test_an_ended_execution_is_removed_once(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    execution_id = await created(client, node("A"))
    await worker.run_all()
    path = f"/v1/executions/{execution_id}"

    first = await client.delete(path)
    again = await client.delete(path)

    assert (first.status_code, first.content) == (204, b"")
    assert (again.status_code, again.json()["code"]) == (404, "EXECUTION_NOT_FOUND")
    for rest in (
        "", "/results", "/definition", "/events", "/history", "/explain", "/children", "/nodes/A",
        "/nodes/A/attempts",
    ):  # fmt: skip
        assert (await client.get(path + rest)).status_code == 404, rest
    assert (await client.get(f"/workflows/{execution_id}")).status_code == 404
    assert (await client.get("/v1/executions")).json()["items"] == []


async def test_one_that_was_never_started_may_go(client: httpx2.AsyncClient) -> None:
    execution_id = await created(client, node("A"), trigger=False)

    assert (await client.delete(f"/v1/executions/{execution_id}")).status_code == 204
    assert (await client.post(f"/v1/executions/{execution_id}/trigger")).status_code == 404


@pytest.mark.parametrize("paused", [False, True])
async def test_one_under_way_is_a_conflict_that_names_its_state(
    client: httpx2.AsyncClient, paused: bool
) -> None:
    execution_id = await created(client, node("A"))
    if paused:
        await client.post(f"/v1/executions/{execution_id}/pause")

    answer = await client.delete(f"/v1/executions/{execution_id}")

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "INVALID_TRANSITION")
    assert problem["detail"] == (
        f"cannot purge execution {execution_id}: it is {'PAUSED' if paused else 'RUNNING'}; "
        "only what has ended or was never started can be purged; cancel it first"
    )


async def test_a_child_is_a_conflict_that_names_its_root(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    execution_id = await created(client, node("A", handler="sub_workflow", config={"workflow": KID}))
    await start_child(worker, (await worker.start())["A"])
    await worker.run_all()
    await worker.run_all()
    (child,) = (await client.get(f"/v1/executions/{execution_id}/children")).json()["items"]

    refused = await client.delete(f"/v1/executions/{child['execution_id']}")
    gone = await client.delete(f"/v1/executions/{execution_id}")

    assert refused.status_code == 409
    assert f"it is a child; it is purged with its root execution, {execution_id}" in refused.json()["detail"]
    assert gone.status_code == 204
    assert (await client.get(f"/v1/executions/{child['execution_id']}")).status_code == 404


async def test_an_unknown_one_is_not_found(client: httpx2.AsyncClient) -> None:
    assert (await client.delete(f"/v1/executions/{UNKNOWN}")).status_code == 404
