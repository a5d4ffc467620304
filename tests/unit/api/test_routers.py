"""What each native route parses, asks and answers."""

import json

import httpx2
import pytest
from fastapi import FastAPI

from api.streaming.hub import Hub
from orchestrator.errors import InputsConflict, InvalidTransition, StoreFull, StoreUnavailable
from orchestrator.operations.sieve import Sieve
from orchestrator.states import ExecutionStatus
from orchestrator.store.requests import digest_of
from tests.unit.api.fakes import EXECUTION_ID, Crash, FakeEngine

UNKNOWN = "01900000-0000-7000-8000-00000000dead"
LINEAR = {"name": "linear", "dag": {"nodes": [{"id": "A", "handler": "noop", "dependencies": []}]}}


async def test_health_is_exactly_as_documented(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


async def test_submission_answers_as_documented_in_one_engine_call(
    client: httpx2.AsyncClient, fake: FakeEngine
) -> None:
    answer = await client.post("/workflow", json=LINEAR)

    assert answer.status_code == 200
    assert answer.json() == {"execution_id": EXECUTION_ID, "message": "Workflow accepted"}
    assert fake.sent["document"] == LINEAR
    assert fake.calls.total() == 1


async def test_graph_error_is_400_with_a_detail_string(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/workflow", json={"nodes": []})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "Duplicate node ID: A"
    assert answer.json()["errors"] == [
        {"path": "nodes[0]", "code": "duplicate_id", "message": "Duplicate node ID: A"}
    ]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "body",
    [b'{"name": NaN}', b'{"name": 1, "name": 2}', b"[]", b"", b"{", b'{"a":' * 100 + b"1" + b"}" * 100],
)
async def test_badly_shaped_body_is_422_and_never_reaches_the_engine(
    client: httpx2.AsyncClient, fake: FakeEngine, body: bytes
) -> None:
    answer = await client.post("/workflow", content=body)

    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
    assert fake.calls.total() == 0


async def test_trigger_answers_as_documented(client: httpx2.AsyncClient, fake: FakeEngine) -> None:
    answer = await client.post(f"/workflow/trigger/{EXECUTION_ID}")

    assert answer.status_code == 200
    assert answer.json() == {"message": "Workflow triggered", "execution_id": EXECUTION_ID}
    assert fake.sent == {}


async def test_trigger_hands_on_inputs(client: httpx2.AsyncClient, fake: FakeEngine) -> None:
    await client.post(f"/workflow/trigger/{EXECUTION_ID}", json={"inputs": {"a": 1}})

    assert fake.sent == {"inputs": {"a": 1}}


@pytest.mark.parametrize("body", [{"input": {}}, {"inputs": [1]}, [], "x"])
async def test_trigger_refuses_what_is_not_documented(
    client: httpx2.AsyncClient, fake: FakeEngine, body: object
) -> None:
    answer = await client.post(f"/workflow/trigger/{EXECUTION_ID}", json=body)

    assert answer.status_code == 422
    assert fake.calls.total() == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/workflow/trigger/{}"),
        ("GET", "/workflows/{}"),
        ("GET", "/workflows/{}/results"),
        ("GET", "/v1/executions/{}"),
        ("GET", "/v1/executions/{}/events"),
        ("POST", "/v1/executions/{}/cancel"),
    ],
)
@pytest.mark.parametrize("execution_id", [UNKNOWN, "no:such", "{x}", "a" * 200])
async def test_unknown_execution_is_404_with_the_documented_detail(
    client: httpx2.AsyncClient, method: str, path: str, execution_id: str
) -> None:
    answer = await client.request(method, path.format(execution_id))

    assert answer.status_code == 404
    assert answer.json()["detail"] == "Execution ID not found"
    assert answer.json()["code"] == "EXECUTION_NOT_FOUND"


async def test_status_answers_as_documented(client: httpx2.AsyncClient, fake: FakeEngine) -> None:
    answer = await client.get(f"/workflows/{EXECUTION_ID}")

    assert answer.json() == {"execution_id": EXECUTION_ID, "status": "RUNNING"}
    assert fake.calls.total() == 1


async def test_results_are_spliced_in_as_stored(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"/workflows/{EXECUTION_ID}/results")

    assert b'{"data":  "as stored"}' in answer.content
    assert answer.json() == {"execution_id": EXECUTION_ID, "results": {"A": {"data": "as stored"}, "B": {}}}


async def test_create_without_trigger_is_201_with_location(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/executions", json={"definition": LINEAR})

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/executions/{EXECUTION_ID}"
    assert answer.json() == {"execution_id": EXECUTION_ID, "status": "PENDING"}


async def test_create_with_trigger_is_202(client: httpx2.AsyncClient, fake: FakeEngine) -> None:
    body = {"definition": LINEAR, "inputs": {"n": 1}, "trigger": True}

    answer = await client.post("/v1/executions", json=body)

    assert answer.status_code == 202
    assert answer.json()["status"] == "RUNNING"
    assert (fake.sent["inputs"], fake.sent["trigger"]) == ({"n": 1}, True)


async def test_create_takes_yaml(client: httpx2.AsyncClient, fake: FakeEngine) -> None:
    text = "name: linear\nnodes:\n  - id: A\n    handler: noop\n"

    answer = await client.post("/v1/executions", json={"definition": text})

    assert answer.status_code == 201
    assert fake.sent["document"] == {"name": "linear", "nodes": [{"id": "A", "handler": "noop"}]}


async def test_problem_in_yaml_names_line_and_column(client: httpx2.AsyncClient) -> None:
    text = "# no name\nnodes:\n  - id: A\n    handler: noop\n"

    answer = await client.post("/v1/executions", json={"definition": text})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["line"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"definition": 1},
        {"definition": LINEAR, "trigger": "yes"},
        {"definition": LINEAR, "tenant": "other"},
        {"definition": "- a\n- b"},
    ],
)
async def test_create_refuses_what_is_not_documented(
    client: httpx2.AsyncClient, fake: FakeEngine, body: object
) -> None:
    answer = await client.post("/v1/executions", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert fake.calls.total() == 0


async def test_unknown_field_is_named_with_the_allowed_ones(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/executions", json={"definition": LINEAR, "tenant": "other"})

    own = "labels, execution_key, id_conflict_policy, on_complete, on_failure, on_cancel"
    allowed = f"{own}, definition, inputs, trigger"
    assert answer.json()["detail"] == f"unknown field 'tenant' (allowed: {allowed})"


@pytest.mark.parametrize("path", ["/workflow", "/v1/executions"])
async def test_idempotency_key_goes_to_the_engine_and_a_replay_says_so(
    client: httpx2.AsyncClient, fake: FakeEngine, path: str
) -> None:
    fake.is_replay = True
    body = LINEAR if path == "/workflow" else {"definition": LINEAR}

    answer = await client.post(path, json=body, headers={"Idempotency-Key": '"k \\"1\\""'})

    assert answer.headers["idempotency-replayed"] == "true"
    assert fake.sent["idempotency"].name == 'k "1"'
    assert fake.sent["idempotency"].key == digest_of(f'POST {path}\nk "1"')


async def test_list_hands_on_filters_and_links_the_next_page(
    client: httpx2.AsyncClient, fake: FakeEngine
) -> None:
    query = {"status": "FAILED", "name": "linear", "limit": "200", "created_after": "2026-11-20T08:00:00Z"}

    answer = await client.get("/v1/executions", params=query)

    assert answer.json()["next_cursor"] == "more"
    assert answer.json()["items"][0]["created_at"] == "2023-11-14T22:13:20.123Z"
    assert "cursor=more" in answer.headers["link"]
    assert fake.sent["created_after_ms"] == 1_795_161_600_000
    assert fake.sent["sieve"] == Sieve(frozenset({ExecutionStatus.FAILED}), "linear")
    assert fake.sent["limit"] == 200


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "status=DONE", "created_after=yesterday"])
async def test_list_refuses_wrong_filters(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/executions?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"].startswith("query.")


async def test_detail_shows_every_node(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"/v1/executions/{EXECUTION_ID}")

    first, second = answer.json()["nodes"]
    assert first["output"] == {"data": "as stored"}
    assert (first["status"], first["try"], first["max_attempts"]) == ("COMPLETED", 1, 1)
    assert (second["status"], second["output"]) == ("PENDING", None)


async def test_cancel_hands_on_reason_and_grace(client: httpx2.AsyncClient, fake: FakeEngine) -> None:
    body = {"reason": "no longer needed", "grace": "1m"}

    answer = await client.post(f"/v1/executions/{EXECUTION_ID}/cancel", json=body)

    assert answer.status_code == 202
    assert (fake.sent["reason"], fake.sent["grace_ms"]) == ("no longer needed", 60_000)


async def test_cancel_without_a_body_uses_the_default_grace(
    client: httpx2.AsyncClient, fake: FakeEngine
) -> None:
    await client.post(f"/v1/executions/{EXECUTION_ID}/cancel")

    assert fake.sent["grace_ms"] == 30_000


async def test_cancel_refuses_a_grace_it_cannot_read(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"/v1/executions/{EXECUTION_ID}/cancel", json={"grace": "soon"})

    assert answer.status_code == 422
    assert "grace" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidTransition("cancel", EXECUTION_ID, "COMPLETED", ["PENDING", "RUNNING"]), 409),
        (InputsConflict(EXECUTION_ID), 409),
        (StoreUnavailable("connection refused"), 503),
        (StoreFull(), 503),
        (ConnectionError("refused"), 503),
        (Crash("secret inside"), 500),
        (RuntimeError("secret inside"), 500),
    ],
)
async def test_each_error_leaves_with_its_status(
    client: httpx2.AsyncClient, fake: FakeEngine, error: Exception, status: int
) -> None:
    fake.fail_with = error

    answer = await client.post(f"/workflow/trigger/{EXECUTION_ID}")

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "NOT_FOUND"), ("DELETE", "/workflow", 405, "METHOD_NOT_ALLOWED")],
)
async def test_unknown_routes_and_methods_are_problems_too(
    client: httpx2.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert path in answer.json()["detail"]


async def test_readiness_names_its_checks_when_asked(client: httpx2.AsyncClient) -> None:
    plain, verbose = await client.get("/readyz"), await client.get("/readyz?verbose")

    assert plain.json() == {"status": "ok"}
    assert verbose.json()["durability"] == "AOF everysec"


async def test_not_ready_is_503_with_the_reason(client: httpx2.AsyncClient, fake: FakeEngine) -> None:
    fake.is_ready = False

    answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["version"]["ok"] is False


async def test_a_process_that_stops_is_alive_but_not_ready(client: httpx2.AsyncClient, hub: Hub) -> None:
    hub.stop()

    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/livez")).status_code == 200


async def test_dropping_a_dead_entry_twice_is_404(client: httpx2.AsyncClient) -> None:
    assert (await client.delete("/v1/dead/1-0")).status_code == 204
    assert (await client.delete("/v1/dead/2-0")).status_code == 404


async def test_every_operation_is_documented_under_a_stable_unique_id(app: FastAPI) -> None:
    document = app.openapi()

    operations = [op for path in document["paths"].values() for op in path.values()]
    ids = [op["operationId"] for op in operations]
    assert len(ids) == len(set(ids))
    assert {"workflow_submit", "workflow_trigger", "executions_create", "executions_events"} <= set(ids)
    assert "#/$defs/" not in json.dumps(document)
    assert all(op["summary"] for op in operations)
