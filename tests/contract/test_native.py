"""Contract 004 as documented, over the real engine and a real Redis; nothing runs nodes here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from config import Settings
from main import create_app

UNKNOWN = "01900000-0000-7000-8000-000000000000"


def node(
    node_id: str, *, after: list[str] | None = None, handler: str = "noop", **extra: Any
) -> dict[str, Any]:
    return {"id": node_id, "handler": handler, "dependencies": after or [], "config": {}, **extra}


def workflow(*nodes: dict[str, Any], **extra: Any) -> dict[str, Any]:
    return {"name": "sample", "dag": {"nodes": list(nodes)}, **extra}


LINEAR = workflow(
    node("A", handler="call_external_service", config={"url": "http://service-a"}),
    node("B", handler="llm", after=["A"], config={"prompt": "Summarize {{ A.data }}"}),
    node("C", handler="call_external_service", after=["B"], config={"url": "http://consumer/{{ B.answer }}"}),
)
RACE = workflow(node("B"), node("C"), node("D", after=["B", "C"]))


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(Settings(redis_url=redis_url))
    transport: Any = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://headrace") as made,
    ):
        yield made


async def submit(client: httpx2.AsyncClient, document: dict[str, Any]) -> str:
    answer = await client.post("/workflow", json=document)
    assert answer.status_code == 200, answer.text
    execution_id: str = answer.json()["execution_id"]
    return execution_id


async def frames(client: httpx2.AsyncClient, execution_id: str, **headers: str) -> list[dict[str, Any]]:
    """The events of an execution that has ended, as NDJSON."""
    answer = await client.get(
        f"/v1/executions/{execution_id}/events", headers={"Accept": "application/x-ndjson", **headers}
    )
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_health(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_submission_stores_everything_as_pending(client: httpx2.AsyncClient, redis: Redis) -> None:
    answer = await client.post("/workflow", json=LINEAR)

    execution_id = answer.json()["execution_id"]
    assert answer.json() == {"execution_id": execution_id, "message": "Workflow accepted"}
    assert json.loads(await redis.get(f"workflow:{execution_id}") or b"") == LINEAR
    assert await redis.get(f"workflow:{execution_id}:status") == b"PENDING"
    assert await redis.get(f"workflow:{execution_id}:node:A") == b"PENDING"
    assert (await client.get(f"/workflows/{execution_id}")).json()["status"] == "PENDING"


async def test_trigger_queues_what_is_ready_and_again_nothing(
    client: httpx2.AsyncClient, redis: Redis
) -> None:
    execution_id = await submit(client, RACE)

    answers = [await client.post(f"/workflow/trigger/{execution_id}") for _ in range(3)]

    assert all(answer.status_code == 200 for answer in answers)
    assert answers[0].json() == {"message": "Workflow triggered", "execution_id": execution_id}
    entries: Any = await redis.xrange("workflow:tasks", "-", "+")
    assert [fields[b"node_id"] for _, fields in entries] == [b"B", b"C"]
    assert await redis.sismember("workflows:active", execution_id)
    assert (await client.get(f"/workflows/{execution_id}")).json() == {
        "execution_id": execution_id,
        "status": "RUNNING",
    }


async def test_results_of_nodes_without_output_are_empty(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, RACE)

    answer = await client.get(f"/workflows/{execution_id}/results")

    assert answer.json() == {"execution_id": execution_id, "results": {"B": {}, "C": {}, "D": {}}}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/workflow/trigger/{UNKNOWN}"),
        ("GET", f"/workflows/{UNKNOWN}"),
        ("GET", f"/workflows/{UNKNOWN}/results"),
        ("GET", f"/v1/executions/{UNKNOWN}"),
        ("GET", f"/v1/executions/{UNKNOWN}/definition"),
        ("GET", f"/v1/executions/{UNKNOWN}/nodes/A"),
        ("GET", f"/v1/executions/{UNKNOWN}/explain"),
        ("GET", f"/v1/executions/{UNKNOWN}/events"),
        ("POST", f"/v1/executions/{UNKNOWN}/cancel"),
    ],
)
async def test_unknown_id_is_404(client: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == 404
    assert answer.json()["detail"] == "Execution ID not found"


DEEP = '{"name": "x", "dag": {"nodes": [{"id": "A", "handler": "noop", "config": {"a": %s1%s}}]}}'
BAD: dict[str, tuple[str, int, str]] = {
    "cycle": (
        json.dumps(workflow(node("A", after=["B"]), node("B", after=["A"]))),
        400,
        "Workflow DAG contains a cycle",
    ),
    "unknown handler": (json.dumps(workflow(node("A", handler="htpp"))), 400, "did you mean 'http'"),
    "unknown dependency": (json.dumps(workflow(node("A", after=["X"]))), 400, "Invalid dependency: X"),
    "duplicate id": (json.dumps(workflow(node("A"), node("A"))), 400, "Duplicate node ID: A"),
    "bad reference": (
        json.dumps(workflow(node("A"), node("B", after=["A"], config={"x": "{{ Z.data }}"}))),
        400,
        "Z",
    ),
    "oversize": (" " * (8 * 1024 * 1024 + 1), 413, "8,388,608 bytes"),
    "deep": (DEEP % ('{"a":' * 70, "}" * 70), 422, "64"),
    "NaN": ('{"name": "x", "dag": {"nodes": []}, "inputs": {"a": NaN}}', 422, "NaN"),
    "bad id": (json.dumps(workflow(node("a:b"))), 422, "a:b"),
    "wrong type": (json.dumps({"name": "x", "dag": {"nodes": "A"}}), 422, "nodes"),
    "not JSON": ("{", 422, "JSON"),
    "not an object": ("[]", 422, "object"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("path", ["/workflow", "/v1/executions"])
async def test_bad_input_is_refused_with_a_reason_and_leaves_no_key(
    client: httpx2.AsyncClient, redis: Redis, case: str, path: str
) -> None:
    body, status, words = BAD[case]
    if path == "/v1/executions":
        body = f'{{"definition": {body}}}' if body.strip() and body != "{" else body
    keys_before = await redis.keys()

    answer = await client.post(path, content=body)

    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    hints = " ".join(str(entry.get("hint")) for entry in problem.get("errors", []))
    assert words in problem["detail"] + hints
    assert await redis.keys() == keys_before


async def test_all_problems_are_reported_together(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/workflow", json=workflow(node("A", after=["X"]), node("B", handler="htpp")))

    assert {entry["path"].split(".")[0].rsplit("[")[0] for entry in answer.json()["errors"]}
    assert len(answer.json()["errors"]) == 2


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


async def test_inputs_are_fixed_by_the_first_trigger(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, workflow(node("A")))
    path = f"/workflow/trigger/{execution_id}"

    first = await client.post(path, json={"inputs": {"a": 1}})
    again = await client.post(path, json={"inputs": {"a": 1}})
    other = await client.post(path, json={"inputs": {"a": 2}})

    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 409)


@pytest.mark.parametrize("path", ["/workflow", "/v1/executions"])
async def test_repeated_submission_under_one_key_is_one_execution(
    client: httpx2.AsyncClient, path: str
) -> None:
    body = LINEAR if path == "/workflow" else {"definition": LINEAR, "trigger": True}
    headers = {"Idempotency-Key": "order-1"}

    first = await client.post(path, json=body, headers=headers)
    again = await client.post(path, json=body, headers=headers)
    other = await client.post(
        path,
        json={**body, "name": "x"} if path == "/workflow" else {**body, "trigger": False},
        headers=headers,
    )

    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")


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


async def test_readiness_states_the_durability_in_force(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/readyz?verbose")

    assert answer.status_code == 200, answer.text
    assert "AOF" in answer.json()["durability"]
    assert answer.json()["checks"]["version"]["ok"] is True


async def test_store_that_is_away_is_503_with_retry_after() -> None:
    app = create_app(Settings(redis_url="redis://127.0.0.1:1/0"))
    transport: Any = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://headrace") as client,
    ):
        answer = await client.get(f"/workflows/{UNKNOWN}")
        alive, ready = await client.get("/livez"), await client.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
    assert answer.headers["retry-after"]
    assert (alive.status_code, ready.status_code) == (200, 503)
