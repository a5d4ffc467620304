"""`POST /v1/validate` over the real engine: findings, never an execution."""

import json
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from tests.contract.samples import RACE, node, workflow
from tests.makers import WorkerFleet, until
from workers.context import Toolbox

BRANCHED = """\
name: branched
inputs: {type: object, properties: {big: {type: boolean}}}
nodes:
  - id: c
    handler: condition
    config: {expression: inputs.big, true_branch: [A], false_branch: [B]}
  - {id: A, handler: noop, dependencies: [c]}
  - {id: B, handler: noop, dependencies: [c]}
  - id: D
    handler: noop
    dependencies: [A, B]
    trigger_rule: all_success
"""


async def judged(client: httpx2.AsyncClient, body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/validate", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_good_definition_is_summed_up_and_leaves_no_key(
    client: httpx2.AsyncClient, redis: Redis
) -> None:
    before = await redis.keys()

    for body in (RACE, {"definition": RACE}):
        found = await judged(client, body)
        version = found["summary"].pop("version")
        assert found == {
            "valid": True,
            "errors": [],
            "warnings": [],
            "summary": {"name": "sample", "nodes": 3, "edges": 2, "depth": 2},
            "document": None,
        }
        assert len(version) == 16

    assert set(await redis.keys()) <= set(before)


async def test_warnings_leave_a_definition_valid_and_have_lines_for_yaml(client: httpx2.AsyncClient) -> None:
    found = await judged(client, {"definition": BRANCHED})

    assert found["valid"] is True
    (warning,) = found["warnings"]
    assert (warning["code"], warning["path"], warning["line"]) == ("join_never_runs", "nodes[3]", 9)
    assert "branches of condition 'c'" in warning["message"]
    assert warning["hint"]


async def test_errors_are_those_of_a_submission(client: httpx2.AsyncClient) -> None:
    wrong = workflow(node("A", after=["X"]), node("A"), node("B", handler="nop"))

    found = await judged(client, {"definition": wrong})

    refused = (await client.post("/workflow", json=wrong)).json()["errors"]
    assert found == {"valid": False, "errors": refused, "warnings": [], "summary": None, "document": None}
    assert len(refused) == 3


async def test_the_definition_comes_back_as_json_where_it_is_asked_for(client: httpx2.AsyncClient) -> None:
    async def read(text: str) -> tuple[bool, Any]:
        answer = await client.post("/v1/validate?document=true", json={"definition": text})
        return answer.json()["valid"], answer.json()["document"]

    is_valid, document = await read(BRANCHED)
    assert is_valid
    assert document["nodes"][1] == {"id": "A", "handler": "noop", "dependencies": ["c"]}
    wrong = "name: n\nnodes: [{id: A, handler: nop}]"
    assert await read(wrong) == (False, {"name": "n", "nodes": [{"id": "A", "handler": "nop"}]})
    assert await read("name: [") == (False, None)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("name: x\nnodes: }", "bad_yaml", 2),
        ("name: x\nnodes:\n  - &a {id: A, handler: noop}\n", "anchor", 3),
        ("name: x\nname: y\nnodes: []\n", "duplicate_key", 2),
        ("- a\n- b\n", "wrong_type", 1),
    ],
)
async def test_yaml_that_cannot_be_read_is_a_finding_too(
    client: httpx2.AsyncClient, text: str, code: str, line: int
) -> None:
    found = await judged(client, {"definition": text})

    assert found["valid"] is False
    assert (found["errors"][0]["code"], found["errors"][0]["line"]) == (code, line)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"name": NaN}', b'{"definition": 1}', b'{"definition": {}, "strict": true}'],
)
async def test_a_request_that_cannot_be_read_is_422(client: httpx2.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/validate", content=body)

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_definition_may_be_as_large_as_one_that_is_submitted(client: httpx2.AsyncClient) -> None:
    large = workflow(*[node(f"n{i}", config={"text": "x" * 1_000}) for i in range(2_000)])

    assert len(json.dumps(large)) > 2_000_000
    assert (await judged(client, large))["summary"]["nodes"] == 2_000


async def test_names_that_no_live_worker_has_are_warned_of(
    client: httpx2.AsyncClient, fleet: WorkerFleet
) -> None:
    call = {"url": "https://example.com", "headers": {"authorization": "{{ secrets.TOKEN }}"}}
    document = workflow(node("A", handler="http", config=call), on_failure={"url": "ops"})
    assert (await judged(client, document))["warnings"] == []  # Nothing is known of workers.

    await fleet.start(tools=Toolbox(secrets={"OTHER": "x"}, webhook_secrets={"default": "whsec_x"}))
    warned = await _until_warned(client, document)
    await fleet.start("second", tools=Toolbox(secrets={"TOKEN": "x"}, notify_urls={"ops": "https://x"}))

    paths = [each["path"] for each in warned]
    assert paths == ["dag.nodes[0].config.headers.authorization", "on_failure.url"]
    await _until_warned(client, document, wanted=False)


async def _until_warned(
    client: httpx2.AsyncClient, document: Any, *, wanted: bool = True
) -> list[dict[str, Any]]:
    """Ask until workers are known, which may be a second old."""
    found: list[dict[str, Any]] = []

    async def is_so() -> bool:
        found[:] = (await judged(client, document))["warnings"]
        return bool(found) is wanted

    await until(is_so)
    return found
