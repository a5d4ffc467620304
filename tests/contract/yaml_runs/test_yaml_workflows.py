"""Workflows in YAML: registered, listed, shown and removed."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.contract.samples import node, put_workflow, workflow
from tests.contract.yaml_runs.running_yaml import HEAD, TWO, Runs, steps, without

UNKNOWN = "wf_" + 26 * "a"


@pytest.fixture
def calls(client: httpx2.AsyncClient) -> Runs:
    return Runs(client)


async def test_a_workflow_is_registered_listed_shown_and_removed(calls: Runs) -> None:
    made = await calls.register(TWO)

    times = {"created_at", "updated_at"}
    assert without(times, made) == {
        "id": made["id"],
        "name": "sample",
        "description": "A sample.",
        "trigger_path": "/triggers/sample",
    }
    assert (await calls.client.get("/api/v1/workflows")).json() == [made]
    assert (await calls.client.get(f"/api/v1/workflows/{made['id']}")).json() == made | {
        "steps": [
            {"id": "first", "type": "trigger"},
            {"id": "last", "type": "notify", "channel": "log", "message": "x={first.body.x}"},
        ],
        "yaml_content": TWO,
    }
    removed = await calls.client.delete(f"/api/v1/workflows/{made['id']}")
    assert (removed.status_code, removed.content) == (204, b"")
    assert (await calls.client.get("/api/v1/workflows")).json() == []
    again = await calls.register(TWO)
    assert again["id"] != made["id"]


async def test_what_was_not_registered_here_is_removed_elsewhere(calls: Runs) -> None:
    native = await put_workflow(calls.client, "native", "name: Native\nnodes: [{id: A, handler: noop}]\n")
    path = f"/api/v1/workflows/{native.json()['workflow_id']}"

    refused = await calls.client.delete(path)

    assert (refused.status_code, refused.json()) == (404, {"detail": "Workflow not found"})
    assert (await calls.client.get(path)).status_code == 200


async def test_the_list_has_what_was_registered_here_newest_first(calls: Runs) -> None:
    await put_workflow(calls.client, "native", "name: Native\nnodes: [{id: A, handler: noop}]\n")
    made = [await calls.register(TWO.replace("sample", f"sample{number}")) for number in range(3)]

    listed = (await calls.client.get("/api/v1/workflows")).json()

    assert listed == made[::-1]
    native = (await calls.client.get("/api/v1/workflows/native")).json()
    assert (native["name"], native["trigger_path"]) == ("Native", None)
    assert native["steps"] == [{"id": "A", "type": "noop"}]
    assert native["yaml_content"].startswith("name: Native")


async def test_a_workflow_sent_as_json_is_shown_too(calls: Runs) -> None:
    await calls.client.put("/v1/workflows/plain", json=workflow(node("A")))

    shown = (await calls.client.get("/api/v1/workflows/plain")).json()

    assert shown["steps"] == [{"id": "A", "type": "noop"}]


@pytest.mark.parametrize(
    "path", ["/triggers/sample", "triggers/sample", "/sample", "sample", "/triggers/sample/"]
)
async def test_a_path_that_is_taken_is_409_however_it_is_written(calls: Runs, path: str) -> None:
    await calls.register(TWO)

    refused = await calls.register(TWO.replace("/triggers/sample", path), status=409)

    assert refused.keys() == {"detail"}
    assert "sample" in refused["detail"]
    assert len((await calls.client.get("/api/v1/workflows")).json()) == 1


async def test_the_same_request_under_one_key_is_one_workflow(calls: Runs) -> None:
    key = {"Idempotency-Key": "k"}
    body = {"yaml_content": TWO}
    first = await calls.client.post("/api/v1/workflows", json=body, headers=key)

    again = await calls.client.post("/api/v1/workflows", json=body, headers=key)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        (TWO.replace("name: sample\n", ""), ["line 1: 'name' is missing"]),
        ("name: x\nsteps: [{id: a, type: trigger}]\n", ["line 1: 'trigger' is missing"]),
        (HEAD.replace("steps:\n", ""), ["line 1: 'steps' is missing: a workflow needs at least one step"]),
        (
            HEAD.replace("steps:", "steps: []"),
            ["line 6: 'steps' is missing: a workflow needs at least one step"],
        ),
        (steps("type: trigger"), ["line 7: 'steps[0].id' is missing"]),
        (
            steps("id: a"),
            ["line 7: 'steps[0].type' is missing: one of trigger, http, llm, condition, notify"],
        ),
        (
            steps("id: a, type: trigger", "id: b, type: trigger", "id: a, type: trigger"),
            ["line 9: 'steps[2].id': another step has the id 'a'"],
        ),
        (
            steps("id: a, type: condition, condition: 'true', on_true: nowhere", "id: b, type: trigger"),
            ["line 7: 'steps[0].on_true': there is no step 'nowhere' (steps behind this one: b)"],
        ),
        (
            steps(
                "id: a, type: trigger", "id: b, type: condition, condition: 'true', on_true: a, on_false: b"
            ),
            [
                "line 8: 'steps[1].on_true': a condition goes forward, and this one goes to 'a', which is",
                "line 8: 'steps[1].on_false': a condition goes forward, and this one goes to itself",
            ],
        ),
        (
            steps("id: a, type: condition, condition: 'x'"),
            ["line 7: 'steps[0].condition': it compares nothing"],
        ),
        (steps("id: a, type: htpp"), ["line 7: 'steps[0].type' must be one of trigger, http, llm"]),
        (steps("id: a, type: http"), ["line 7: 'steps[0].url' is missing: a step of type http needs it"]),
        (
            steps("id: a, type: llm, promt: x"),
            ["line 7: unknown field 'promt'", "line 7: 'steps[0].prompt' is missing"],
        ),
        (steps("id: a, type: http, url: 'ftp://x'"), ["line 7: step 'a': 'url': "]),
        (steps("id: a, type: http, url: 'http://x', timeout: soon"), ["line 7: step 'a': 'timeout': "]),
        (steps("id: a b, type: trigger"), ["line 7: 'steps[0].id' must be made of letters"]),
        (TWO.replace("/triggers/sample", "/triggers/a b"), ["line 5: 'trigger.path' must be /triggers/"]),
        (TWO.replace("type: webhook", "type: cron"), ["line 4: 'trigger.type' must be one of webhook"]),
        (TWO + "more: 1\n", ["line 9: unknown field 'more'"]),
        ("name: [", ["line 2: not valid YAML"]),
        ("just text", ["line 1: a workflow must be a mapping"]),
        ("a: *b\n", ["line 1: aliases are not allowed"]),
    ],
)
async def test_what_is_wrong_is_400_with_its_line(calls: Runs, text: str, mistakes: list[str]) -> None:
    refused = await calls.register(text, status=400)

    found = refused["detail"].split("; line ")
    told = [found[0], *(f"line {each}" for each in found[1:])]
    assert [each.startswith(mistake) for each, mistake in zip(told, mistakes, strict=True)] == [True] * len(
        told
    ), told
    assert [each["line"] for each in refused["errors"]] == [int(each.split(" ")[1][:-1]) for each in mistakes]
    assert (await calls.client.get("/api/v1/workflows")).json() == []


async def test_many_mistakes_are_counted_and_all_of_them_listed(calls: Runs) -> None:
    refused = await calls.register(steps(*(f"id: s{number}" for number in range(6))), status=400)

    assert refused["detail"].endswith("; and 3 more, see errors")
    assert [each["line"] for each in refused["errors"]] == [7, 8, 9, 10, 11, 12]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["body", "yaml_content"]),
        ({"yaml_content": 1}, ["body", "yaml_content"]),
        ({"yaml_content": "x", "y": 1}, ["body", "y"]),
    ],
)
async def test_a_request_of_another_shape_is_422(calls: Runs, body: Any, loc: list[str]) -> None:
    answer = await calls.client.post("/api/v1/workflows", json=body)

    assert answer.status_code == 422
    assert [each["loc"] for each in answer.json()["detail"]] == [loc]


async def test_too_large_a_document_is_413(calls: Runs) -> None:
    refused = await calls.register(TWO + "#" * 1_100_000, status=413)

    assert "allowed" in refused["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", f"/api/v1/workflows/{UNKNOWN}", 404, "Workflow not found"),
        ("DELETE", f"/api/v1/workflows/{UNKNOWN}", 404, "Workflow not found"),
        ("POST", f"/api/v1/runs/{UNKNOWN}/execute", 404, "Workflow not found"),
        ("POST", f"/api/v1/runs/{UNKNOWN}/execute-async", 404, "Workflow not found"),
        ("POST", "/api/v1/runs/trigger/nowhere", 404, "No workflow has this trigger path"),
        ("GET", "/api/v1/runs/nowhere", 404, "Run not found"),
        ("GET", "/api/v1/runs/nowhere/stream", 404, "Run not found"),
        ("POST", "/demo", 404, "Workflow not found"),
        ("GET", "/api/v1/nowhere", 404, "no route for /api/v1/nowhere"),
        (
            "PUT",
            "/api/v1/workflows",
            405,
            "PUT is not possible on /api/v1/workflows; allowed: GET, HEAD, POST",
        ),
    ],
)
async def test_failures_are_a_detail(calls: Runs, method: str, path: str, status: int, detail: str) -> None:
    answer = await calls.client.request(method, path)

    assert (answer.status_code, answer.json()) == (status, {"detail": detail})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
