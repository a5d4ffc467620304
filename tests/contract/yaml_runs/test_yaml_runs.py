"""Runs: waited for, queued, triggered by a path, listed and shown."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from clients.llm.provider import LlmSettings
from tests.contract.samples import node, submit, workflow
from tests.contract.yaml_runs.running_yaml import TWO, Runs, steps, without
from tests.makers import Rig, until
from workers.context import Toolbox

TIMES = {"started_at", "completed_at", "created_at"}
NOTE = "written to the log; nothing leaves from here"


def notice(message: str, channel: str = "log") -> dict[str, Any]:
    return {
        "channel": channel,
        "recipient": None,
        "subject": None,
        "message": message,
        "sent": True,
        "note": NOTE,
    }


async def test_a_run_is_waited_for_and_shown_with_its_steps(runs: Runs) -> None:
    made = await runs.register(TWO)

    answer = await runs.client.post(f"/api/v1/runs/{made['id']}/execute", json={"data": {"x": 7}})

    assert answer.status_code == 201
    row = answer.json()
    run_id = row["id"]
    assert without(TIMES, row) == {
        "id": run_id,
        "workflow_id": made["id"],
        "status": "completed",
        "steps_completed": 2,
        "total_steps": 2,
        "error_message": None,
    }
    assert all(row[name].endswith("Z") for name in TIMES)
    assert (await runs.client.get(f"/api/v1/runs/{run_id}")).json() == row | {
        "trigger_data": {"body": {"x": 7}, "headers": {}},
        "steps": [
            {
                "id": f"{run_id}:first",
                "step_id": "first",
                "node_type": "trigger",
                "status": "completed",
                "output_data": {"body": {"x": 7}, "headers": {}},
                "error_message": None,
            },
            {
                "id": f"{run_id}:last",
                "step_id": "last",
                "node_type": "notify",
                "status": "completed",
                "output_data": notice("x=7"),
                "error_message": None,
            },
        ],
    }


async def test_a_run_needs_no_body(runs: Runs) -> None:
    made = await runs.register(TWO)

    answer = await runs.client.post(f"/api/v1/runs/{made['id']}/execute")

    assert (await runs.detail(answer.json()["id"]))["by_id"]["last"]["output_data"] == notice(
        "x={first.body.x}"
    )


async def test_a_queued_run_is_answered_at_once_under_both_names(runs: Runs) -> None:
    made = await runs.register(TWO)

    answer = await runs.client.post(f"/api/v1/runs/{made['id']}/execute-async", json={"data": {}})

    run_id = answer.json()["id"]
    assert (answer.status_code, answer.json()) == (
        202,
        {"id": run_id, "run_id": run_id, "workflow_id": made["id"], "status": "queued"},
    )
    assert (await runs.ended(run_id))["status"] == "completed"


async def test_a_run_is_queued_until_a_worker_begins(client: httpx2.AsyncClient, rig: Rig) -> None:
    runs = Runs(client)
    made = await runs.register(TWO)
    run_id = (await client.post(f"/api/v1/runs/{made['id']}/execute-async")).json()["id"]
    before = await runs.detail(run_id)

    await rig.worker.start()

    assert (before["status"], before["steps_completed"], before["completed_at"]) == ("queued", 0, None)
    assert [step["status"] for step in before["steps"]] == ["queued", "pending"]
    during = await runs.detail(run_id)
    assert during["status"] == "running"
    assert [step["status"] for step in during["steps"]] == ["running", "pending"]


@pytest.mark.parametrize("path", ["sample", "triggers/sample"])
async def test_a_path_runs_its_workflow_with_body_and_headers(runs: Runs, path: str) -> None:
    text = steps(
        "id: got, type: trigger",
        "id: said, type: notify, channel: log, message: '{trigger.headers.x-of-mine} {got.body.n}'",
    )
    made = await runs.register(text)

    headers = {"X-Of-Mine": "me", "X-API-Key-Of-Mine": "s"}
    answer = await runs.client.post(f"/api/v1/runs/trigger/{path}", json={"n": [1]}, headers=headers)

    run_id = answer.json()["run_id"]
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "run_id": run_id,
            "workflow_id": made["id"],
            "workflow_name": "sample",
            "status": "completed",
            "steps_completed": 2,
            "total_steps": 2,
        },
    )
    found = await runs.detail(run_id)
    assert found["trigger_data"]["body"] == {"n": [1]}
    assert found["trigger_data"]["headers"]["x-of-mine"] == "me"
    assert "x-api-key-of-mine" not in found["trigger_data"]["headers"]
    assert found["by_id"]["said"]["output_data"]["message"] == "me [1]"


@pytest.mark.parametrize(("content", "body"), [(b"", {}), (b"plain", "plain"), (b"[1, 2]", [1, 2])])
async def test_a_path_takes_any_body(runs: Runs, content: bytes, body: Any) -> None:
    await runs.register(TWO)

    answer = await runs.client.post("/api/v1/runs/trigger/sample", content=content)

    assert (await runs.detail(answer.json()["run_id"]))["trigger_data"]["body"] == body


async def test_one_request_by_its_key_is_one_run(runs: Runs) -> None:
    made = await runs.register(TWO)
    key = {"Idempotency-Key": "k"}
    for path in ("/api/v1/runs/trigger/sample", f"/api/v1/runs/{made['id']}/execute-async"):
        answers = [await runs.client.post(path, json={"data": {}}, headers=key) for _ in range(2)]

        assert answers[0].json()["run_id"] == answers[1].json()["run_id"]
        assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]


async def test_runs_are_listed_newest_first_by_page_workflow_and_status(runs: Runs, tools: Toolbox) -> None:
    tools.llm_settings = LlmSettings(environment="production")
    first = await runs.register(TWO)
    failing = await runs.register(
        TWO.replace("sample", "other").replace("type: trigger", "type: llm, prompt: x")
    )
    await runs.client.post("/v1/executions", json={"definition": workflow(node("A")), "trigger": True})
    ids = [(await runs.execute(first["id"]))["id"] for _ in range(3)]
    failed = await runs.execute(failing["id"])

    async def listed(**query: Any) -> list[str]:
        answer = await runs.client.get("/api/v1/runs", params=query)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()]

    everything = [failed["id"], *ids[::-1]]
    assert failed["status"] == "failed"
    assert await listed() == everything
    assert [await listed(page=page, page_size=2) for page in (1, 2, 3)] == [
        everything[:2],
        everything[2:],
        [],
    ]
    assert await listed(workflow_id=first["id"]) == ids[::-1]
    assert await listed(workflow_id="nowhere") == []
    assert await listed(status="completed") == ids[::-1]
    assert await listed(status="completed", page=2, page_size=2) == ids[:1]
    assert await listed(status="failed") == [failed["id"]]
    assert await listed(status="failed", workflow_id=first["id"]) == []
    assert (
        await listed(status="pending")
        == await listed(status="running")
        == await listed(status="queued")
        == []
    )
    row = (await runs.client.get("/api/v1/runs", params={"page_size": 1})).json()[0]
    assert row == {name: failed[name] for name in row}


async def test_queued_and_running_are_told_apart_in_lists(client: httpx2.AsyncClient, rig: Rig) -> None:
    runs = Runs(client)
    made = await runs.register(TWO)
    ids = [(await client.post(f"/api/v1/runs/{made['id']}/execute-async")).json()["id"] for _ in range(2)]

    async def listed(status: str, **query: Any) -> list[str]:
        rows = (await client.get("/api/v1/runs", params={"status": status, **query})).json()
        assert {row["status"] for row in rows} <= {status}
        return [row["id"] for row in rows]

    assert (await listed("queued"), await listed("running")) == (ids[::-1], [])
    # A change that is no beginning makes no run of it that is running.
    for verb in ("pause", "resume"):
        answer = await client.post(f"/v1/executions/{ids[1]}/{verb}")
        assert answer.status_code == 202, answer.text
        assert (await listed("queued"), await listed("running")) == (ids[::-1], [])
    assert [await listed("queued", page=page, page_size=1) for page in (1, 2, 3)] == [ids[1:], ids[:1], []]
    await rig.worker.start(1)
    assert sorted(await listed("queued") + await listed("running")) == ids
    assert len(await listed("running")) == 1


@pytest.mark.parametrize("query", ["page=0", "page_size=101", "status=odd", "page=x"])
async def test_a_page_that_cannot_be_is_422(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/v1/runs?{query}")

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", query.split("=")[0]]


async def test_large_data_is_refused_by_its_size(client: httpx2.AsyncClient) -> None:
    made = await Runs(client).register(TWO)
    body = {"data": {"x": "y" * 300_000}}

    answer = await client.post(f"/api/v1/runs/{made['id']}/execute-async", json=body)

    assert answer.status_code == 413
    assert isinstance(answer.json()["detail"], str)


async def test_a_workflow_that_is_paused_starts_nothing(client: httpx2.AsyncClient) -> None:
    made = await Runs(client).register(TWO)
    await client.post(f"/v1/workflows/{made['id']}/pause")

    started = await client.post(f"/api/v1/runs/{made['id']}/execute-async")
    triggered = await client.post("/api/v1/runs/trigger/sample")

    assert (started.status_code, triggered.status_code) == (409, 404)


async def test_any_execution_of_the_tenant_is_shown_as_a_run(runs: Runs) -> None:
    execution_id = await submit(runs.client, workflow(node("A"), node("B", after=["A"], when="false")))
    pending = await runs.detail(execution_id)
    await runs.client.post(f"/workflow/trigger/{execution_id}")

    found = await runs.ended(execution_id)

    assert (pending["status"], pending["started_at"]) == ("pending", None)
    assert (found["workflow_id"], found["steps_completed"], found["total_steps"]) == (None, 2, 2)
    assert [(step["node_type"], step["status"]) for step in found["steps"]] == [
        ("noop", "completed"),
        ("noop", "skipped"),
    ]
    assert (await runs.client.get("/api/v1/runs")).json() == []


async def test_a_run_is_an_execution_like_any_other(runs: Runs) -> None:
    found = await runs.run(TWO)

    native = (await runs.client.get(f"/v1/executions/{found['id']}")).json()

    assert (native["name"], native["labels"]) == ("sample", {"door": "yaml_runs"})


async def test_a_cancelled_run_has_failed_and_says_why(client: httpx2.AsyncClient) -> None:
    runs = Runs(client)
    made = await runs.register(TWO)
    run_id = (await client.post(f"/api/v1/runs/{made['id']}/execute-async")).json()["id"]
    await client.post(f"/v1/executions/{run_id}/cancel", json={"reason": "no more", "grace": 0})

    found = await runs.ended(run_id)

    assert (found["status"], found["error_message"], found["steps_completed"]) == ("failed", "no more", 0)
    assert [step["status"] for step in found["steps"]] == ["pending", "pending"]


async def test_a_client_that_leaves_leaves_its_run_alone(client: httpx2.AsyncClient, rig: Rig) -> None:
    runs = Runs(client)
    made = await runs.register(TWO)
    waiting = asyncio.create_task(client.post(f"/api/v1/runs/{made['id']}/execute"))

    async def is_there() -> bool:
        return len((await client.get("/api/v1/runs")).json()) == 1

    await until(is_there)
    waiting.cancel()
    (row,) = (await client.get("/api/v1/runs")).json()
    assert row["status"] == "queued"
