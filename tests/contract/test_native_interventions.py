"""Pause, resume and operators' verbs over HTTP: the real engine, each attempt a single step."""

from typing import Any

import httpx2
import orjson
import pytest

from tests.contract.samples import UNKNOWN, node, workflow
from tests.makers import Rig


async def begin(client: httpx2.AsyncClient, *nodes: dict[str, Any]) -> str:
    """Start an execution; gives its path."""
    answer = await client.post("/v1/executions", json={"definition": workflow(*nodes), "trigger": True})
    assert answer.status_code == 202, answer.text
    return f"/v1/executions/{answer.json()['execution_id']}"


async def test_a_pause_and_a_resume(client: httpx2.AsyncClient, rig: Rig) -> None:
    path = await begin(client, node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")
    key = {"Idempotency-Key": "p-1"}
    why = {"by": "ann", "reason": "the bank is down"}

    first = await client.post(f"{path}/pause", json=why, headers=key)
    again = await client.post(f"{path}/pause", json=why, headers=key)

    assert first.status_code == again.status_code == 202
    assert (first.json()["status"], first.json()["already"]) == ("PAUSED", False)
    assert (again.json()["status"], again.json()["already"]) == ("PAUSED", True)
    view = (await client.get(path)).json()
    assert view["paused"].pop("since") is not None
    assert (view["status"], view["paused"], view["quiesced"]) == ("PAUSED", why, False)
    await rig.worker.complete(held)
    assert (await client.get(path)).json()["quiesced"] is True
    explained = (await client.get(f"{path}/explain")).json()["items"]
    assert [item["node_id"] for item in explained] == [None, "B"]
    assert explained[0]["details"]["held"] == 1
    listed = (await client.get("/v1/executions", params={"status": "PAUSED"})).json()["items"]
    assert [item["paused"]["by"] for item in listed] == ["ann"]

    resumed = await client.post(f"{path}/resume")

    assert (resumed.status_code, resumed.json()["status"]) == (202, "RUNNING")
    assert (await client.get(path)).json()["paused"] is None
    assert await rig.worker.run_all() == ["B"]
    ended = await client.post(f"{path}/pause")
    assert (ended.status_code, ended.json()["code"]) == (409, "INVALID_TRANSITION")
    assert "COMPLETED" in ended.json()["detail"]
    assert (await client.post(f"/v1/executions/{UNKNOWN}/resume")).status_code == 404


async def test_the_history_says_who_and_why(client: httpx2.AsyncClient, rig: Rig) -> None:
    path = await begin(client, node("A"))
    await client.post(f"{path}/pause", json={"by": "ann", "reason": "a look"})
    await client.post(f"{path}/resume", json={"by": "bob"})
    await client.post(f"{path}/nodes/A/skip", json={"by": "cem", "reason": "not today"})

    answer = await client.get(f"{path}/events", headers={"Accept": "application/x-ndjson"})

    lines = [orjson.loads(line) for line in answer.text.splitlines()]
    told = {line["type"]: line["data"] for line in lines}
    assert told["execution.paused"] == {"by": "ann", "reason": "a look"}
    assert told["execution.resumed"] == {"by": "bob", "reason": None, "held": 0}
    assert told["node.skipped"] == {"reason": "operator", "operator": {"by": "cem", "reason": "not today"}}


async def test_a_node_is_completed_with_an_output(client: httpx2.AsyncClient, rig: Rig) -> None:
    path = await begin(client, node("A"), node("B", after=["A"]))
    key = {"Idempotency-Key": "c-1"}
    body = {"by": "ann", "reason": "done by phone", "output": {"n": 1}, "attempt": 1}

    first = await client.post(f"{path}/nodes/A/complete", json=body, headers=key)
    again = await client.post(f"{path}/nodes/A/complete", json=body, headers=key)
    other = await client.post(f"{path}/nodes/A/complete", json=body | {"output": 2}, headers=key)
    late = await client.post(f"{path}/nodes/A/complete", json=body)

    assert first.status_code == 200
    assert first.json() == again.json()
    assert (first.json()["node_id"], first.json()["status"], first.json()["attempt"]) == ("A", "COMPLETED", 1)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    assert (late.status_code, late.json()["code"]) == (409, "NODE_STATE")
    view = (await client.get(f"{path}/nodes/A")).json()
    assert (view["status"], view["output"]) == ("COMPLETED", {"n": 1})


async def test_a_node_is_failed_with_an_error(client: httpx2.AsyncClient, rig: Rig) -> None:
    path = await begin(client, node("A"))
    error = {"type": "Http.5xx", "message": "they are down"}

    answer = await client.post(f"{path}/nodes/A/fail", json={"by": "ann", "error": error})

    assert (answer.status_code, answer.json()["status"]) == (200, "FAILED")
    view = (await client.get(f"{path}/nodes/A")).json()
    assert (view["reason"], view["error"]["type"], view["error"]["message"]) == ("operator", *error.values())
    assert (await client.get(path)).json()["status"] == "FAILED"


async def test_a_wait_is_ended_by_a_retry_now(client: httpx2.AsyncClient, rig: Rig) -> None:
    path = await begin(client, node("A"))
    await rig.worker.retry(await rig.worker.start_one("A"), 60_000)

    answer = await client.post(f"{path}/nodes/A/retry", json={"by": "ann"})

    assert (answer.status_code, answer.json()["status"], answer.json()["attempt"]) == (200, "QUEUED", 2)
    again = await client.post(f"{path}/nodes/A/retry", json={"by": "ann"})
    assert (again.status_code, again.json()["detail"].endswith("it is QUEUED")) == (409, True)


@pytest.mark.parametrize(
    ("verb", "body", "status", "code"),
    [
        ("complete", {}, 422, "REQUEST_INVALID"),
        ("complete", {"by": "ann", "extra": 1}, 422, "REQUEST_INVALID"),
        ("skip", {"by": ""}, 422, "REQUEST_INVALID"),
        ("fail", {"by": "ann", "error": {"type": "no spaces"}}, 422, "REQUEST_INVALID"),
        ("skip", {"by": "ann", "attempt": 7}, 409, "ATTEMPT_CHANGED"),
        ("retry", {"by": "ann"}, 409, "NODE_STATE"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    client: httpx2.AsyncClient, rig: Rig, verb: str, body: dict[str, Any], status: int, code: str
) -> None:
    path = await begin(client, node("A"))
    before = await rig.dump()

    answer = await client.post(f"{path}/nodes/A/{verb}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await rig.dump() == before


async def test_what_is_not_there_is_not_found(client: httpx2.AsyncClient, rig: Rig) -> None:
    path = await begin(client, node("A"))
    body = {"by": "ann"}

    for node_id in ("Z", "A%5B0%5D", "A:output", "A%20"):
        for verb in ("complete", "fail", "skip", "retry"):
            answer = await client.post(f"{path}/nodes/{node_id}/{verb}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "NODE_NOT_FOUND"), (node_id, verb)


async def test_a_condition_needs_an_output_that_names_its_branch(client: httpx2.AsyncClient) -> None:
    config = {"expression": "{{ 1 == 1 }}", "true_branch": ["T"]}
    path = await begin(client, node("if", handler="condition") | {"config": config}, node("T", after=["if"]))

    answer = await client.post(f"{path}/nodes/if/complete", json={"by": "ann", "output": {}})

    assert (answer.status_code, answer.json()["code"]) == (422, "OUTPUT_REFUSED")
    assert '"result" is true or false' in answer.json()["detail"]


async def test_a_resume_may_bring_a_larger_budget(client: httpx2.AsyncClient, rig: Rig) -> None:
    path = await begin(client, node("A"))
    assert (await client.get(path)).json()["budget"] is None
    await client.post(f"{path}/pause")

    for wrong in ({"max_tokens": 0}, {"max_tokens": "many"}, {"max_cost_usd": -1}, {"tokens": 1}):
        assert (await client.post(f"{path}/resume", json={"budget": wrong})).status_code == 422
    answer = await client.post(f"{path}/resume", json={"budget": {"max_tokens": 9, "max_cost_usd": 1}})

    assert (answer.status_code, answer.json()["status"]) == (202, "RUNNING")
    view = (await client.get(path)).json()
    assert view["budget"] == {"max_tokens": 9, "max_cost_usd": 1}
