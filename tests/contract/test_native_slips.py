"""What a request that cannot be meant is told: what, where, what was found, what is allowed."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from orchestrator.redis_keys import Keys
from orchestrator.store.transitions import Transitions
from tests.contract.samples import node, workflow
from tests.makers import FakeWorker
from tests.older_layouts import announce_worker

FLOW = workflow(
    node("C", handler="condition", config={"expression": "true", "true_branch": "A"}), node("A", after=["C"])
)
STUBBED = "name: x\nnodes:\n  - {id: A, handler: noop}\n"


async def started(client: httpx2.AsyncClient) -> str:
    answer = await client.post("/v1/executions", json={"definition": FLOW, "trigger": True})
    execution_id: str = answer.json()["execution_id"]
    return execution_id


@pytest.mark.parametrize(
    ("query", "path", "said"),
    [
        (
            "foo=1",
            "query.foo",
            "unknown query parameter 'foo' (allowed: counts, created_after",
        ),
        ("limit=1&limit=2", "query.limit", "query parameter 'limit' comes more than once"),
        ("cursor=-1", "query.cursor", "must be the next_cursor of a page before, unchanged; found '-1'"),
        ("cursor=xx", "query.cursor", "must be the next_cursor of a page before, unchanged; found 'xx'"),
        ("created_after=yesterday", "query.created_after", "must be a time such as '2027-01-31T09:00:00Z'"),
        (
            "created_before=1795161600",
            "query.created_before",
            "must be a time such as '2027-01-31T09:00:00Z'",
        ),
        ("ended_after=yesterday", "query.ended_after", "must be a time such as '2027-01-31T09:00:00Z'"),
        ("limit=many", "query.limit", "must be a whole number; found 'many'"),
        ("limit=0", "query.limit", "must be 1 or more; found '0'"),
    ],
)
async def test_a_query_that_has_no_effect_is_refused(
    client: httpx2.AsyncClient, query: str, path: str, said: str
) -> None:
    answer = await client.get(f"/v1/executions?{query}")

    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["errors"]
    assert problem["path"] == path
    assert said in problem["message"]


@pytest.mark.parametrize("route", ["nodes/C/items", "children"])
async def test_a_cursor_that_is_no_place_is_told_in_plain_words(
    client: httpx2.AsyncClient, route: str
) -> None:
    answer = await client.get(f"/v1/executions/{await started(client)}/{route}?cursor=xx")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == (
        "'cursor' must be the next_cursor of a page before, unchanged; found 'xx'"
    )


@pytest.mark.parametrize("path", ["/v1/workers", "/v1/queues", "/v1/handlers", "/livez"])
async def test_a_route_without_parameters_takes_none(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200
    assert "this route takes none" in (await client.get(f"{path}?foo=1")).text


async def test_pages_are_read_to_their_end(client: httpx2.AsyncClient) -> None:
    wanted = {await started(client) for _ in range(3)}

    found, cursor = [], ""
    while cursor is not None:
        query = f"?limit=1&cursor={cursor}" if cursor else "?limit=1"
        page = (await client.get(f"/v1/executions{query}")).json()
        found += [each["execution_id"] for each in page["items"]]
        cursor = page["next_cursor"]

    assert (len(found), set(found)) == (3, wanted)


async def test_bare_yaml_is_told_how_it_is_sent(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/executions", content=STUBBED)

    (problem,) = answer.json()["errors"]
    assert answer.status_code == 422
    assert "not valid JSON" in problem["message"]
    assert problem["hint"] == "YAML is read where the Content-Type says so, and as text in 'definition'"


async def test_a_field_inside_of_a_field_is_told_with_those_allowed(client: httpx2.AsyncClient) -> None:
    path = f"/v1/executions/{await started(client)}/nodes/C/fail"

    unknown = await client.post(path, json={"by": "me", "error": {"typ": 1}})
    wrong = await client.post(path, json={"by": "me", "error": "x"})

    assert "unknown field 'error.typ' (allowed: type, message)" in unknown.json()["detail"]
    assert [each["hint"] for each in unknown.json()["errors"]] == ["did you mean 'type'?"]
    assert "'error' must be an object; found 'x'" in wrong.json()["detail"]


async def test_a_query_parameter_that_is_nearly_right_has_a_hint(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/executions", params={"lable": "a:b"})

    (problem,) = answer.json()["errors"]
    assert (answer.status_code, problem["hint"]) == (422, "did you mean 'label'?")


async def test_an_output_that_names_no_branch_is_shown(client: httpx2.AsyncClient) -> None:
    path = f"/v1/executions/{await started(client)}/nodes/C/complete"

    answer = await client.post(path, json={"by": "me", "output": {"result": "maybe"}})

    assert answer.status_code == 422
    assert 'got {"result":"maybe"}' in answer.json()["detail"]


async def test_a_generation_that_has_not_been_is_told(client: httpx2.AsyncClient, redis: Redis) -> None:
    execution_id = await started(client)
    await FakeWorker(Transitions(redis, Keys()), redis).run_all(failing=("C",))

    answer = await client.post(f"/v1/executions/{execution_id}/retry", json={"generation": 7})

    assert answer.status_code == 409
    assert "it is in generation 1; there has been no generation 7 yet" in answer.json()["detail"]


async def test_three_wrong_configs_are_told_apart(client: httpx2.AsyncClient) -> None:
    flow = workflow(
        node("A", handler="http", config={"url": "http://x/", "timeout": -1}),
        node("B", handler="llm", config={"prompt": "x", "max_tokens": 0}),
        node("C", handler="llm", config={"prompt": "x", "max_tokens": 0}),
    )

    detail = (await client.post("/v1/executions", json={"definition": flow})).json()["detail"]

    assert "node 'A': 'config.timeout': -1 is negative" in detail
    assert "node 'B': 'config.max_tokens' must be 1 or more, found 0" in detail
    assert "node 'C': 'config.max_tokens' must be 1 or more, found 0" in detail


@pytest.mark.parametrize(
    ("stubs", "place"),
    [
        ("nodes: {A: {output: 1\n", {"path": "stubs"}),
        ("nodes:\n  A: {}\n  zz: {output: 1}\n", {"path": "stubs.nodes.zz", "line": 3, "column": 3}),
        ("nodes:\n  A: {fail: x}\n", {"path": "stubs.nodes.A.fail", "line": 2}),
        ({"nodes": {"zz": {}}}, {"path": "stubs.nodes.zz"}),
    ],
)
async def test_what_is_wrong_in_stubs_is_told_of_the_stubs(
    client: httpx2.AsyncClient, stubs: Any, place: dict[str, Any]
) -> None:
    answer = await client.post("/v1/simulate", json={"definition": STUBBED, "stubs": stubs})

    assert (answer.status_code, answer.json()["code"]) == (422, "REQUEST_INVALID")
    assert place.items() <= answer.json()["errors"][0].items()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"workflow": "orders", "inputs": {"n": 1}},
            "what is registered is started by POST /v1/workflows/orders/executions, with the other fields of",
        ),
        (
            {"workflow": "no name / at all"},
            "what is registered is started by POST /v1/workflows/{workflow}/executions, with",
        ),
        (
            FLOW,
            """the body is a definition itself; send it in an object: {"definition": …, "trigger": true}""",
        ),
    ],
)
async def test_a_body_that_means_another_route_or_form_is_told_which(
    client: httpx2.AsyncClient, body: dict[str, Any], said: str
) -> None:
    answer = await client.post("/v1/executions", json=body)

    (problem,) = answer.json()["errors"]
    assert (answer.status_code, problem["path"], problem["code"]) == (422, "definition", "missing_field")
    assert problem["message"].startswith("'definition' is required: ")
    assert said in problem["message"]


async def test_a_field_too_many_stays_an_unknown_field(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post("/v1/executions", json={"definition": FLOW, "workflow": "orders"})

    assert [each["code"] for each in answer.json()["errors"]] == ["unknown_field"]


@pytest.mark.parametrize(
    ("path", "body", "media_type"),
    [
        ("/v1/workflows", b"", "application/json"),
        ("/v1/workflows", b"# nothing yet\n", "application/yaml"),
        ("/v1/workflows", b'{"definition": "# nothing yet"}', "application/json"),
        ("/v1/executions", b'{"definition": " "}', "application/json"),
    ],
)
async def test_a_document_without_content_is_called_empty(
    client: httpx2.AsyncClient, path: str, body: bytes, media_type: str
) -> None:
    answer = await client.post(path, content=body, headers={"Content-Type": media_type})

    assert answer.status_code in (400, 422)
    assert answer.json()["errors"][0]["message"] == (
        "the document is empty; a workflow is an object with a name and nodes"
    )


async def test_a_handler_is_known_as_soon_as_its_worker_is(client: httpx2.AsyncClient, redis: Redis) -> None:
    submitted = {"definition": workflow(node("A", handler="agent"))}

    before = await client.post("/v1/executions", json=submitted)
    await announce_worker(redis, "far", handlers="agent")
    after = await client.post("/v1/executions", json=submitted)

    assert (before.status_code, before.json()["errors"][0]["code"]) == (400, "unknown_handler")
    assert after.status_code == 201
