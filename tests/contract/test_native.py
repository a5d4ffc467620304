"""Contract 004 as documented, over the real engine and a real Redis; nothing runs nodes here."""

import json
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from clients import patience
from config import Settings
from main import create_app
from tests.contract.samples import LINEAR, RACE, UNKNOWN, node, submit, workflow
from tests.serving import serving_app

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
    assert set(await redis.keys()) <= set(keys_before)


async def test_all_problems_are_reported_together(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/workflow", json=workflow(node("A", after=["X"]), node("B", handler="htpp")))

    assert {entry["path"].split(".")[0].rsplit("[")[0] for entry in answer.json()["errors"]}
    assert len(answer.json()["errors"]) == 2


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


async def test_readiness_states_the_durability_in_force(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/readyz?verbose")

    assert answer.status_code == 200, answer.text
    assert "AOF" in answer.json()["durability"]
    assert answer.json()["checks"]["version"]["ok"] is True


async def test_store_that_is_away_is_503_with_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.0)
    async with serving_app(create_app(Settings(redis_url="redis://127.0.0.1:1/0"))) as client:
        answer = await client.get(f"/workflows/{UNKNOWN}")
        alive, ready = await client.get("/livez"), await client.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
    assert answer.headers["retry-after"]
    assert (alive.status_code, ready.status_code) == (200, 503)
