"""`/v1` over the real engine and a real Redis; nothing runs nodes here."""

import json
from typing import Any

import httpx2

from tests.contract.samples import LINEAR, RACE, node, submit, workflow


async def frames(client: httpx2.AsyncClient, execution_id: str, **headers: str) -> list[dict[str, Any]]:
    """The events of an execution that has ended, as NDJSON."""
    answer = await client.get(
        f"/v1/executions/{execution_id}/events", headers={"Accept": "application/x-ndjson", **headers}
    )
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_yaml_problem_has_line_and_column(client: httpx2.AsyncClient) -> None:
    text = "name: sample\nnodes:\n  - id: A\n    handler: noop\n    dependencies: [X]\n"

    answer = await client.post("/v1/executions", json={"definition": text})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["line"] == 5


async def test_submit_and_trigger_in_one_call(client: httpx2.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "default": 7}}}
    body = {"definition": workflow(node("A"), inputs=schema), "inputs": {}, "trigger": True}

    answer = await client.post("/v1/executions", json=body)

    assert answer.status_code == 202, answer.text
    detail = (await client.get(answer.headers["location"])).json()
    assert (detail["status"], detail["inputs"]) == ("RUNNING", {"n": 7})
    assert [(found["node_id"], found["status"], found["attempt"]) for found in detail["nodes"]] == [
        ("A", "QUEUED", 1)
    ]


async def test_inputs_that_miss_the_schema_are_422(client: httpx2.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    answer = await client.post(
        "/v1/executions", json={"definition": workflow(node("A"), inputs=schema), "inputs": {"n": "x"}}
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "INPUTS_INVALID"


async def test_list_pages_through_everything_newest_first(client: httpx2.AsyncClient) -> None:
    made = [await submit(client, workflow(node("A"))) for _ in range(7)]

    seen: list[str] = []
    query: dict[str, str] = {"limit": "3"}
    while True:
        page = (await client.get("/v1/executions", params=query)).json()
        seen += [item["execution_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert seen == made[::-1]


async def test_list_filters(client: httpx2.AsyncClient) -> None:
    await submit(client, workflow(node("A")))
    started = await submit(client, {**workflow(node("A")), "name": "other"})
    await client.post(f"/workflow/trigger/{started}")

    for query in ("status=RUNNING", "name=other"):
        page = (await client.get(f"/v1/executions?{query}")).json()
        assert [item["execution_id"] for item in page["items"]] == [started]
    assert (await client.get("/v1/executions?created_before=2020-01-01T00:00:00Z")).json()["items"] == []
    assert (await client.get("/v1/executions?cursor=nonsense")).status_code == 422


async def test_cancel_ends_what_has_not_started_and_again_answers_the_same(
    client: httpx2.AsyncClient,
) -> None:
    execution_id = await submit(client, RACE)
    await client.post(f"/workflow/trigger/{execution_id}")
    path = f"/v1/executions/{execution_id}/cancel"
    headers = {"Idempotency-Key": "cancel-1"}

    first = await client.post(path, json={"reason": "test"}, headers=headers)
    again = await client.post(path, json={"reason": "test"}, headers=headers)
    late = await client.post(path, json={"reason": "another"})

    assert (first.status_code, first.json()["status"]) == (202, "CANCELLED")
    assert (again.status_code, again.json()["status"]) == (202, "CANCELLED")
    assert late.status_code == 409
    assert "it is CANCELLED" in late.json()["detail"]


async def test_history_is_replayed_densely_and_ends_with_204(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, RACE)
    await client.post(f"/workflow/trigger/{execution_id}")
    await client.post(f"/v1/executions/{execution_id}/cancel")

    events = await frames(client, execution_id)
    path = f"/v1/executions/{execution_id}/events"
    last = await client.get(path, headers={"Last-Event-ID": str(events[-1]["seq"])})
    tail = await client.get(f"{path}?after={events[-1]['seq'] - 1}")

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events][:2] == ["execution.created", "execution.started"]
    assert events[-1]["type"] == "execution.cancelled"
    assert last.status_code == 204
    assert tail.text.startswith(
        f"retry: 2000\n\nid: {events[-1]['seq']}\nevent: execution.cancelled\ndata: {{"
    )


async def test_explain_has_a_reason_for_every_unfinished_node(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, RACE)
    await client.post(f"/workflow/trigger/{execution_id}")

    items = (await client.get(f"/v1/executions/{execution_id}/explain")).json()["items"]

    assert [item["node_id"] for item in items] == ["B", "C", "D"]
    assert all(item["waiting_for"] and item["wakes"] for item in items)


async def test_node_and_definition(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, LINEAR)

    found = (await client.get(f"/v1/executions/{execution_id}/nodes/B")).json()
    missing = await client.get(f"/v1/executions/{execution_id}/nodes/Z")
    definition = await client.get(f"/v1/executions/{execution_id}/definition")

    assert (found["handler"], found["dependencies"], found["status"]) == ("llm", ["A"], "PENDING")
    assert (missing.status_code, missing.json()["code"]) == (404, "NODE_NOT_FOUND")
    assert definition.json() == LINEAR


async def test_a_node_shows_its_config_as_it_would_be_now(client: httpx2.AsyncClient) -> None:
    config = {"id": "{{ inputs.id }}", "key": "{{ A.missing }}"}
    body = {"definition": workflow(node("A"), node("B", after=["A"], config=config)), "inputs": {"id": 7}}
    made = (await client.post("/v1/executions", json=body)).json()
    path = f"/v1/executions/{made['execution_id']}/nodes/B"

    plain = (await client.get(path)).json()
    rendered = (await client.get(path, params={"config": "rendered"})).json()
    unknown = await client.get(path, params={"config": "raw"})

    assert "config" not in plain
    assert rendered["config"] == {"id": 7, "key": "{{ A.missing }}"}
    (problem,) = rendered["config_problems"]
    assert problem["path"] == "config.key"
    assert unknown.status_code == 422


async def test_operating_routes(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, RACE)
    await client.post(f"/workflow/trigger/{execution_id}")

    workers = (await client.get("/v1/workers")).json()
    queues = (await client.get("/v1/queues")).json()
    dead = (await client.get("/v1/dead")).json()

    assert workers == {"items": []}
    assert (queues["items"][0]["queue"], queues["items"][0]["length"]) == ("default", 2)
    assert dead == {"items": [], "next_cursor": None}
    assert (await client.post("/v1/dead/1-0/requeue")).status_code == 404
    assert (await client.delete("/v1/dead/1-0")).status_code == 404


YAML = "name: in yaml\nnodes:\n  - id: A\n    handler: noop\n"


async def test_a_body_that_is_called_yaml_is_read_as_yaml(client: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "application/yaml; charset=utf-8"}
    envelope = "trigger: true\ndefinition:\n" + "".join(f"  {line}\n" for line in YAML.splitlines())

    submitted = await client.post("/workflow", content=YAML, headers=headers)
    started = await client.post("/v1/executions", content=envelope, headers=headers)
    checked = await client.post("/v1/validate", content=YAML, headers=headers)
    enveloped = await client.post("/v1/validate", content=envelope.partition("\n")[2], headers=headers)

    shown = await client.get(f"/v1/executions/{submitted.json()['execution_id']}")
    assert shown.json()["name"] == "in yaml"
    assert started.json()["status"] == "RUNNING"
    assert checked.json()["valid"]
    assert enveloped.json()["valid"]


async def test_a_problem_in_a_body_of_yaml_has_line_and_column(client: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "text/yaml"}

    answer = await client.post("/workflow", content=YAML + "    dependencies: [X]\n", headers=headers)
    unreadable = await client.post("/v1/executions", content="a: [", headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["line"]) == (400, 5)
    assert unreadable.status_code == 422
    assert unreadable.json()["errors"][0]["code"] == "bad_yaml"


async def test_a_method_that_is_not_possible_names_those_that_are(client: httpx2.AsyncClient) -> None:
    answer = await client.put("/v1/executions", json={})

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert answer.json()["detail"] == "PUT is not possible on /v1/executions; allowed: GET, HEAD, POST"
