"""The events of a run: replayed from the start, then as they come."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from tests.contract.samples import CAUGHT, node, start, workflow
from tests.contract.yaml_runs.running_yaml import TWO, Runs, events_in, steps, without
from tests.makers import Rig

SIX = steps(
    "id: receive_event, type: trigger",
    "id: fetch_health, type: http, url: 'URL/200/x'",
    "id: route_on_status, type: condition, condition: '{fetch_health.status_code} == 200', "
    "on_true: notify_healthy, on_false: notify_degraded",
    "id: notify_healthy, type: notify, channel: log, message: good",
    "id: notify_degraded, type: notify, channel: log, message: bad",
    "id: finalize_run, type: notify, channel: log, message: done",
)


def step(kind: str, step_id: str, node_type: str, status: str, done: int, **more: Any) -> dict[str, Any]:
    fields = {"type": kind, "step_id": step_id, "node_type": node_type, "status": status}
    return {**fields, "steps_completed": done, "total_steps": 6, **more}


def both(step_id: str, node_type: str, done: int, progress: int) -> list[dict[str, Any]]:
    return [
        step("step_started", step_id, node_type, "running", done - 1),
        step("step_completed", step_id, node_type, "completed", done, progress=progress),
    ]


async def test_every_subscriber_gets_every_event_also_after_the_end(runs: Runs, service: str) -> None:
    found = await runs.run(SIX.replace("URL", service))

    events = await runs.events(found["id"])
    again = await runs.events(found["id"])

    assert events == again
    assert {event["run_id"] for event in events} == {found["id"]}
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (found["started_at"], found["completed_at"])
    assert [without({"run_id", "timestamp"}, event) for event in events] == [
        {"type": "run_started", "total_steps": 6, "status": "running"},
        *both("receive_event", "trigger", 1, 16),
        *both("fetch_health", "http", 2, 33),
        *both("route_on_status", "condition", 3, 50),
        *both("notify_healthy", "notify", 4, 66),
        step("step_completed", "notify_degraded", "notify", "skipped", 5, progress=83),
        *both("finalize_run", "notify", 6, 100),
        {"type": "run_completed", "status": "completed", "steps_completed": 6, "total_steps": 6},
    ]


async def test_events_come_as_they_happen(client: httpx2.AsyncClient, rig: Rig) -> None:
    runs = Runs(client)
    made = await runs.register(TWO)
    run_id = (await client.post(f"/api/v1/runs/{made['id']}/execute-async")).json()["id"]
    reading = asyncio.create_task(client.get(f"/api/v1/runs/{run_id}/stream"))

    while held := await rig.worker.start():
        for token in held.values():
            await rig.worker.complete(token, {"body": {}, "headers": {}})
    answer = await reading

    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert [event["type"] for event in events_in(answer.text)] == [
        "run_started",
        "step_started",
        "step_completed",
        "step_started",
        "step_completed",
        "run_completed",
    ]


async def test_a_cancelled_run_has_failed(client: httpx2.AsyncClient) -> None:
    runs = Runs(client)
    made = await runs.register(TWO)
    run_id = (await client.post(f"/api/v1/runs/{made['id']}/execute-async")).json()["id"]
    await client.post(f"/v1/executions/{run_id}/cancel", json={"reason": "no more", "grace": 0})

    last = (await runs.events(run_id))[-1]

    assert without({"run_id", "timestamp"}, last) == {
        "type": "run_failed",
        "status": "failed",
        "steps_completed": 0,
        "total_steps": 2,
        "error_message": "no more",
    }
    assert (await runs.detail(run_id))["error_message"] == "no more"


async def test_a_failure_that_was_caught_is_not_why_a_run_failed(runs: Runs) -> None:
    run_id = await start(runs.client, CAUGHT)
    found = await runs.ended(run_id)

    events = await runs.events(run_id)

    assert "decisive" in found["error_message"]
    assert events[-1]["error_message"] == found["error_message"]
    assert "caught" in found["by_id"]["A"]["error_message"]


async def test_an_output_that_fails_is_why_a_run_failed(runs: Runs) -> None:
    run_id = await start(runs.client, workflow(node("A"), output="{{ trigger.no.thing }}"))
    found = await runs.ended(run_id)

    events = await runs.events(run_id)

    assert "no" in found["error_message"]
    assert (events[-1]["type"], events[-1]["error_message"]) == ("run_failed", found["error_message"])


async def test_the_events_of_any_execution_are_told_by_its_nodes(runs: Runs) -> None:
    mapped = node("M", handler="transform", config={"expression": "{{ item }}"}, map={"items": [1, 2]})
    body = {"definition": workflow(mapped), "trigger": True}
    execution_id = (await runs.client.post("/v1/executions", json=body)).json()["execution_id"]
    await runs.ended(execution_id)

    events = await runs.events(execution_id)

    assert [(event["type"], event.get("step_id")) for event in events if event["type"] != "step_started"] == [
        ("run_started", None),
        ("step_completed", "M"),
        ("run_completed", None),
    ]
