"""Retry, replay and fork over the real engine and a real Redis; nodes are ended by single steps."""

import copy
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from tests.contract.samples import UNKNOWN, node, workflow
from tests.makers import FakeWorker

LINE = workflow(node("A"), node("B", after=["A"], config={"n": "{{ inputs.n }}"}), node("C", after=["B"]))


async def run(client: httpx2.AsyncClient, worker: FakeWorker, *, failing: tuple[str, ...] = ()) -> str:
    """Run LINE to its end; gives its id."""
    body = {"definition": LINE, "inputs": {"n": 1, "m": 2}, "trigger": True}
    execution_id: str = (await client.post("/v1/executions", json=body)).json()["execution_id"]
    await worker.run_all(failing=failing)
    return execution_id


async def detail(client: httpx2.AsyncClient, execution_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/v1/executions/{execution_id}")).json()
    return found


async def test_retry_previews_then_runs_the_same(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    execution_id = await run(client, worker, failing=("B",))
    path = f"/v1/executions/{execution_id}/retry"

    preview = await client.post(path, json={"preview": True})
    done = await client.post(path, json={"generation": preview.json()["generation"]})
    again = await client.post(path, json={"generation": preview.json()["generation"]})
    ran = await worker.run_all()
    late = await client.post(path)

    assert (preview.status_code, done.status_code, again.status_code) == (200, 202, 202)
    assert preview.json() == {
        "execution_id": execution_id, "status": "FAILED", "generation": 1,
        "nodes": ["B", "C"], "preview": True, "already": False,
    }  # fmt: skip
    assert done.json() == {
        "execution_id": execution_id, "status": "RUNNING", "generation": 2,
        "nodes": ["B", "C"], "preview": False, "already": False,
    }  # fmt: skip
    assert (again.json()["already"], again.json()["nodes"]) == (True, None)
    assert ran == ["B", "C"]
    assert (late.status_code, late.json()["code"]) == (409, "INVALID_TRANSITION")
    assert "it is COMPLETED" in late.json()["detail"]
    assert (await detail(client, execution_id))["generation"] == 2


async def test_retry_of_nodes_runs_them_and_what_is_behind_them(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    nodes = (node("A"), node("B", after=["A"]) | {"trigger_rule": "all_done"}, node("X"))
    body = {"definition": workflow(*nodes), "trigger": True}
    execution_id = (await client.post("/v1/executions", json=body)).json()["execution_id"]
    await worker.run_all(failing=("A", "X"))
    path = f"/v1/executions/{execution_id}/retry"

    preview = await client.post(path, json={"nodes": ["A"], "preview": True})
    done = await client.post(path, json={"nodes": ["A"], "generation": 1})
    again = await client.post(path, json={"nodes": ["A"], "generation": 1})
    ran = await worker.run_all()

    assert (preview.status_code, done.status_code, again.status_code) == (200, 202, 202)
    assert preview.json()["nodes"] == done.json()["nodes"] == ["A", "B"] == ran
    assert (again.json()["already"], again.json()["nodes"]) == (True, None)
    assert (await detail(client, execution_id))["status"] == "FAILED"


async def test_nodes_that_cannot_be_retried_are_refused_by_name(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    execution_id = await run(client, worker, failing=("B",))
    path = f"/v1/executions/{execution_id}/retry"

    completed = await client.post(path, json={"nodes": ["A"]})
    unknown = await client.post(path, json={"nodes": ["B", "Bb"]})
    empty = await client.post(path, json={"nodes": []})
    shapeless = await client.post(path, json={"nodes": "B"})

    assert (completed.status_code, completed.json()["code"]) == (409, "NODE_STATE")
    assert completed.json()["node_id"] == "A"
    assert "it is COMPLETED" in completed.json()["detail"]
    assert "fork from it" in completed.json()["detail"]
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NODE_NOT_FOUND")
    assert unknown.json()["detail"].endswith("has no node 'Bb'; did you mean 'B'?")
    assert (empty.status_code, shapeless.status_code) == (422, 422)
    assert (await detail(client, execution_id))["generation"] == 1


async def test_replay_repeats_the_whole_with_other_inputs(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    execution_id = await run(client, worker)
    path = f"/v1/executions/{execution_id}/replay"
    headers = {"Idempotency-Key": "replay-1"}

    first = await client.post(path, json={"inputs": {"n": 5}}, headers=headers)
    again = await client.post(path, json={"inputs": {"n": 5}}, headers=headers)
    other = await client.post(path, json={"inputs": {"n": 6}}, headers=headers)
    plain = await client.post(path)

    made = first.json()["execution_id"]
    assert (first.status_code, first.json()["status"]) == (202, "RUNNING")
    assert first.json()["replay_of"] == execution_id != made
    assert first.headers["location"] == f"/v1/executions/{made}"
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    found = await detail(client, made)
    assert (found["replay_of"], found["forked_from"], found["inputs"]) == (
        execution_id,
        None,
        {"n": 5, "m": 2},
    )
    assert (await detail(client, plain.json()["execution_id"]))["inputs"] == {"n": 1, "m": 2}


async def test_fork_previews_then_runs_the_same(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    execution_id = await run(client, worker)
    path = f"/v1/executions/{execution_id}/fork"

    preview = await client.post(path, json={"from_node": "C", "preview": True})
    done = await client.post(path, json={"from_node": "C"})
    ran = await worker.run_all()

    lists = {"nodes": ["C"], "reused": ["A", "B"], "skipped": []}
    made = done.json()["execution_id"]
    assert (preview.status_code, done.status_code) == (200, 202)
    assert preview.json() == {
        "execution_id": None, "status": None, "forked_from": execution_id, "preview": True, **lists,
    }  # fmt: skip
    assert done.json() == {
        "execution_id": made, "status": "RUNNING", "forked_from": execution_id, "preview": False, **lists,
    }  # fmt: skip
    assert done.headers["location"] == f"/v1/executions/{made}"
    assert ran == ["C"]
    found = await detail(client, made)
    assert (found["status"], found["forked_from"], found["replay_of"]) == ("COMPLETED", execution_id, None)
    assert [(each["node_id"], each["reused"]) for each in found["nodes"]] == [
        ("A", True), ("B", True), ("C", False),
    ]  # fmt: skip


async def test_fork_takes_a_definition_as_object_or_yaml_and_inputs(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    execution_id = await run(client, worker)
    path = f"/v1/executions/{execution_id}/fork"
    edited = copy.deepcopy(LINE)
    edited["dag"]["nodes"][2]["config"] = {"x": 1}
    text = (
        "name: sample\nnodes:\n  - {id: A, handler: noop}\n  - {id: new, handler: noop, dependencies: [A]}\n"
    )

    by_object = await client.post(path, json={"definition": edited, "preview": True})
    by_yaml = await client.post(path, json={"definition": text, "preview": True})
    by_inputs = await client.post(path, json={"inputs": {"n": 7}, "preview": True})
    unrelated = await client.post(path, json={"inputs": {"n": 1}, "preview": True})

    assert by_object.json()["nodes"] == ["C"]
    assert (by_yaml.json()["nodes"], by_yaml.json()["reused"]) == (["new"], ["A"])
    assert by_inputs.json()["nodes"] == ["B", "C"]
    assert unrelated.json()["nodes"] == []


async def test_fork_under_one_key_is_one_execution(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    execution_id = await run(client, worker)
    path, headers = f"/v1/executions/{execution_id}/fork", {"Idempotency-Key": "fork-1"}

    first = await client.post(path, json={"from_node": "C"}, headers=headers)
    again = await client.post(path, json={"from_node": "C"}, headers=headers)
    other = await client.post(path, json={"from_node": "B"}, headers=headers)

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")


REFUSED: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "a node that is not there": ("fork", {"from_node": "Z"}, 404, "NODE_NOT_FOUND"),
    "a wrong definition": (
        "fork", {"definition": workflow(node("A", after=["X"]))}, 400, "DEFINITION_INVALID",
    ),
    "a definition that is none": ("fork", {"definition": 7}, 422, "REQUEST_INVALID"),
    "an unknown field": ("fork", {"from": "A"}, 422, "REQUEST_INVALID"),
    "inputs that are no object": ("replay", {"inputs": [1]}, 422, "REQUEST_INVALID"),
    "an unknown field of a retry": ("retry", {"dry_run": True}, 422, "REQUEST_INVALID"),
    "a generation that cannot be": ("retry", {"generation": 0}, 422, "REQUEST_INVALID"),
    "a generation to come": ("retry", {"generation": 9}, 409, "INVALID_TRANSITION"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    client: httpx2.AsyncClient, worker: FakeWorker, redis: Redis, case: str
) -> None:
    verb, body, status, code = REFUSED[case]
    execution_id = await run(client, worker)
    before = sorted(await redis.keys())

    answer = await client.post(f"/v1/executions/{execution_id}/{verb}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert sorted(await redis.keys()) == before


@pytest.mark.parametrize("verb", ["retry", "replay", "fork"])
async def test_an_unknown_execution_is_404(client: httpx2.AsyncClient, verb: str) -> None:
    for execution_id in (UNKNOWN, "no:such"):
        answer = await client.post(f"/v1/executions/{execution_id}/{verb}")

        assert (answer.status_code, answer.json()["code"]) == (404, "EXECUTION_NOT_FOUND")


async def test_a_problem_in_a_forks_yaml_has_line_and_column(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    execution_id = await run(client, worker)
    text = "name: sample\nnodes:\n  - id: A\n    handler: nop\n"

    answer = await client.post(f"/v1/executions/{execution_id}/fork", json={"definition": text})

    assert (answer.status_code, answer.json()["errors"][0]["line"]) == (400, 4)


async def test_a_fork_may_carry_a_large_definition(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    execution_id = await run(client, worker)
    large = workflow(*(node(f"n{i}", config={"text": "x" * 50_000}) for i in range(30)))

    answer = await client.post(
        f"/v1/executions/{execution_id}/fork", json={"definition": large, "preview": True}
    )

    assert (answer.status_code, len(answer.json()["nodes"])) == (200, 30)
