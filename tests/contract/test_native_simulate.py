"""`POST /v1/simulate` over the real engine and the process that plays."""

from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

YAML = """\
name: order
inputs: {type: object, properties: {most: {type: integer, default: 3}}}
nodes:
  - {id: A, handler: http, config: {url: "https://nowhere.example/"}, retry: {max_attempts: 3}}
  - id: C
    handler: condition
    dependencies: [A]
    config: {expression: A.total > inputs.most, true_branch: [T], false_branch: [F]}
  - {id: T, handler: delay, dependencies: [C], config: {seconds: 1h}}
  - {id: F, handler: noop, dependencies: [C]}
"""
MISSPELT = "name: x\nnodes: [{id: A, handler: htpp}]"
STUBS = "nodes: {A: {fail: 1, error: Http.5xx, output: {total: 5}}}"


async def test_a_definition_is_played_and_leaves_no_key(client: httpx2.AsyncClient, redis: Redis) -> None:
    before = await redis.keys()

    answer = await client.post("/v1/simulate", json={"definition": YAML, "stubs": STUBS})

    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["status"] == "COMPLETED"
    nodes = {each["node_id"]: each for each in found["nodes"]}
    assert {name: each["status"] for name, each in nodes.items()} == {
        "A": "COMPLETED", "C": "COMPLETED", "T": "COMPLETED", "F": "SKIPPED",
    }  # fmt: skip
    assert (nodes["A"]["attempts"], nodes["F"]["reason"]) == (2, "branch_not_taken")
    assert found["outputs"]["A"] == {"total": 5}
    assert found["duration_ms"] >= 3_600_000
    assert found["path"][0] == {"at_ms": 0, "event": "node.queued", "node_id": "A"}
    assert set(await redis.keys()) <= set(before)  # what was there may expire meanwhile


async def test_the_document_of_a_start_is_read(client: httpx2.AsyncClient) -> None:
    document = {"name": "x", "nodes": [{"id": "A", "handler": "noop"}], "output": "{{ trigger.payload.n }}"}
    asked = {"definition": document, "trigger": {"source": "webhook", "payload": {"n": 7}}}

    played = await client.post("/v1/simulate", json=asked)
    refused = await client.post("/v1/simulate", json=asked | {"trigger": {"source": "cron"}})

    assert played.json()["output"] == 7
    assert (refused.status_code, refused.json()["code"]) == (422, "START_INVALID")


async def test_equal_questions_get_equal_answers(client: httpx2.AsyncClient) -> None:
    body = {"definition": YAML, "stubs": STUBS, "inputs": {"most": 9}}

    first = (await client.post("/v1/simulate", json=body)).json()
    second = (await client.post("/v1/simulate", json=body)).json()

    assert first == second
    assert {each["node_id"]: each["status"] for each in first["nodes"]}["T"] == "SKIPPED"


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        ({"definition": MISSPELT}, 400, "DEFINITION_INVALID", "nodes[0].handler"),
        ({"definition": "x: {a: &a [*a]}"}, 422, "DEFINITION_INVALID", "x"),
        ({"definition": YAML, "inputs": {"most": "many"}}, 422, "INPUTS_INVALID", "most"),
        ({"definition": YAML, "stubs": {"node": {}}}, 422, "REQUEST_INVALID", "stubs.node"),
        ({"stubs": {}}, 422, "REQUEST_INVALID", "definition"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_as_a_submission_would(
    client: httpx2.AsyncClient, body: dict[str, Any], status: int, code: str, path: str
) -> None:
    answer = await client.post("/v1/simulate", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert path in answer.json()["errors"][0]["path"]


async def test_a_process_that_was_killed_is_started_again(client: httpx2.AsyncClient) -> None:
    body = {"definition": "name: x\nnodes: [{id: A, handler: noop}]"}
    simulator = client._transport.app.state.reach.simulator  # type: ignore[attr-defined]
    assert (await client.post("/v1/simulate", json=body)).status_code == 200
    simulator._process.kill()
    await simulator._process.wait()

    answers = [(await client.post("/v1/simulate", json=body)).status_code for _ in range(2)]

    assert answers == [200, 200]


async def test_an_input_that_nothing_reads_is_warned_of(client: httpx2.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"customer": {"default": 1}}}
    document = {"name": "w", "inputs": schema, "nodes": [{"id": "A", "handler": "noop"}]}

    answer = await client.post("/v1/simulate", json={"definition": document, "inputs": {"custmer": 3}})
    good = await client.post("/v1/simulate", json={"definition": document, "inputs": {"customer": 3}})

    (warning,) = answer.json()["warnings"]
    assert (warning["path"], warning["hint"]) == ("inputs.custmer", "did you mean 'customer'?")
    assert "warnings" not in good.json()
