"""The output of a whole workflow over HTTP; nodes and output are ended by single steps."""

import httpx2

from tests.contract.samples import node, workflow
from tests.makers import FakeWorker


async def started(client: httpx2.AsyncClient) -> str:
    definition = workflow(node("A"), output={"of": "{{ A.status }}"})
    answer = await client.post("/v1/executions", json={"definition": definition, "trigger": True})
    execution_id: str = answer.json()["execution_id"]
    return execution_id


async def test_the_output_is_shown_and_results_are_as_documented(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    execution_id = await started(client)
    await worker.complete(await worker.start_one("A"), {"status": "ok"})
    under_way = (await client.get(f"/v1/executions/{execution_id}")).json()
    await worker.complete(await worker.start_one("$output"), {"of": "ok"})

    detail = (await client.get(f"/v1/executions/{execution_id}")).json()
    results = (await client.get(f"/workflows/{execution_id}/results")).json()
    status = (await client.get(f"/workflows/{execution_id}")).json()
    assert (under_way["status"], under_way["output"]) == ("RUNNING", None)
    assert (detail["status"], detail["output"], detail["output_error"]) == ("COMPLETED", {"of": "ok"}, None)
    assert [found["node_id"] for found in detail["nodes"]] == ["A"]
    assert results == {"execution_id": execution_id, "results": {"A": {"status": "ok"}}}
    assert status == {"execution_id": execution_id, "status": "COMPLETED"}


async def test_why_there_is_no_output_is_shown(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    execution_id = await started(client)
    await worker.complete(await worker.start_one("A"))
    await worker.fail(await worker.start_one("$output"))

    detail = (await client.get(f"/v1/executions/{execution_id}")).json()

    assert (detail["status"], detail["output"]) == ("FAILED", None)
    assert detail["output_error"]["type"] == "HandlerError"


async def test_a_reference_to_nowhere_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/workflow", json=workflow(node("fetch"), output={"n": "{{ fetsh.n }}"}))

    assert answer.status_code == 400
    assert [(each["path"], each["hint"]) for each in answer.json()["errors"]] == [
        ("output.n", "did you mean 'fetch'?")
    ]
