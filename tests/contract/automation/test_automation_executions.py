"""Executions of the door: started by hand, listed, cancelled, replayed, logged, streamed and counted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tests.contract.automation.automation_over_http import (
    ORDERS,
    Tenant,
    order,
    register,
    serving,
    signed,
    step,
    steps_of,
)
from tests.makers import WorkerFleet
from tests.patience import PATIENCE_S

WAITING = [step("a"), step("wait", "delay", after=("a",), seconds=3600), step("b", after=("wait",))]


async def test_an_execution_is_shown_with_every_step(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.create(step("a", expression="{{ trigger.data.x }}{{ trigger.payload.x }}"))

        detail = await tenant.run(workflow, {"x": 1})

        execution, (found,) = detail["execution"], detail["steps"]
        assert execution == {
            "id": execution["id"],
            "workflow_id": workflow["id"],
            "status": "completed",
            "trigger_data": {"source": "manual", "data": {"x": 1}, "payload": {"x": 1}},
            "error": None,
            "started_at": execution["started_at"],
            "completed_at": execution["completed_at"],
            "duration_ms": execution["duration_ms"],
            "created_at": execution["created_at"],
            "replayed_from": None,
        }
        assert isinstance(execution["duration_ms"], int)
        assert execution["created_at"] <= execution["started_at"] <= execution["completed_at"]
        assert found == {
            "id": f"{execution['id']}:a",
            "step_id": "a",
            "step_type": "transform",
            "status": "completed",
            "input_data": {"expression": "11"},
            "output_data": {"result": "11"},
            "error": None,
            "attempt": 1,
            "max_attempts": 3,
            "started_at": found["started_at"],
            "completed_at": found["completed_at"],
            "duration_ms": found["duration_ms"],
            "created_at": execution["created_at"],
        }


async def test_a_start_by_hand_takes_no_body_or_an_object(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.create(step("a"))
        path = f"/workflows/{workflow['id']}/execute"

        right: list[Any] = [{}, {"trigger_data": None}, {"trigger_data": {"x": 1}}]
        for body in right:
            assert (await tenant.call("POST", path, 202, json=body)).keys() == {"execution_id"}
        assert (await tenant.call("POST", path, 202)).keys() == {"execution_id"}
        wrong: list[Any] = [{"trigger_data": [1]}, {"data": {}}, [1]]
        for body in wrong:
            answer = await tenant.call("POST", path, 422, json=body)
            assert answer["error"]["code"] == "VALIDATION_ERROR"
        await tenant.call("PUT", f"/workflows/{workflow['id']}", 200, json={"is_active": False})
        assert (await tenant.call("POST", path, 409))["error"]["code"] == "WORKFLOW_INACTIVE"


async def test_the_same_start_starts_once(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        path = f"/workflows/{(await tenant.create(step('a')))['id']}/execute"
        headers = {"Idempotency-Key": "k"}

        first = await tenant.call("POST", path, 202, json={}, headers=headers)

        assert await tenant.call("POST", path, 202, json={}, headers=headers) == first
        other = await tenant.call("POST", path, 422, json={"trigger_data": {"x": 1}}, headers=headers)
        assert other["error"]["code"] == "IDEMPOTENCY_CONFLICT"


async def test_lists_are_narrowed_by_status_workflow_and_time(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        quick, slow = await tenant.create(step("a")), await tenant.create(*WAITING)
        done = [(await tenant.run(quick))["execution"] for _ in range(3)]
        waiting = await tenant.execute(slow)
        headers = {"X-API-Key": tenant.key}
        native = {"definition": {"name": "n", "nodes": [{"id": "A", "handler": "noop"}]}, "trigger": True}
        await client.post("/v1/executions", json=native, headers=headers)

        async def ids(query: str) -> list[str]:
            found = await tenant.call("GET", f"/executions?{query}", 200)
            return [each["id"] for each in found["executions"]]

        newest_first = [each["id"] for each in reversed(done)]
        assert await ids("") == [waiting, *newest_first]
        assert await ids("status=completed") == newest_first
        assert await ids("status=running") == [waiting]
        assert await ids(f"workflow_id={slow['id']}") == [waiting]
        assert await ids(f"created_before={done[0]['created_at']}") == [done[0]["id"]]
        assert await ids(f"created_after={done[2]['created_at']}&status=completed") == [done[2]["id"]]
        page = await tenant.call("GET", "/executions?limit=3", 200)
        assert await ids(f"limit=3&cursor={page['cursor']}") == [done[0]["id"]]
        assert page["executions"][1] == {**done[2]}
        for query in ("status=odd", "limit=101", "created_after=yesterday", "cursor=x"):
            answer = await tenant.call("GET", f"/executions?{query}", 422)
            assert answer["error"]["code"] == "VALIDATION_ERROR"


async def test_a_cancelled_execution_skips_what_has_not_ended(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        execution_id = await tenant.execute(await tenant.create(*WAITING))
        path = f"/executions/{execution_id}/cancel"

        assert await tenant.call("POST", path, 200) == {"cancelled": True}

        detail = await tenant.ended(execution_id)
        assert detail["execution"]["status"] == "cancelled"
        statuses = {name: each["status"] for name, each in steps_of(detail).items()}
        assert (statuses["wait"], statuses["b"]) == ("skipped", "skipped")
        again = await tenant.call("POST", path, 409)
        assert again["error"]["code"] == "INVALID_TRANSITION"
        done = await tenant.run(await tenant.create(step("a")))
        late = await tenant.call("POST", f"/executions/{done['execution']['id']}/cancel", 409)
        assert late["error"]["code"] == "INVALID_TRANSITION"


@pytest.mark.parametrize("name", ["override_data", "trigger_data"])
async def test_a_replay_merges_what_is_sent_over_the_original(
    redis_url: str, fleet: WorkerFleet, name: str
) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.create(step("a", expression="{{ trigger.data.x }}{{ trigger.payload.y }}"))
        first = (await tenant.run(workflow, {"x": 1, "y": 2}))["execution"]["id"]
        path = f"/executions/{first}/replay"

        same = await tenant.ended((await tenant.call("POST", path, 202))["execution_id"])
        other = await tenant.call("POST", path, 202, json={name: {"y": 3}})
        changed = await tenant.ended(other["execution_id"])

        assert same["steps"][0]["output_data"] == {"result": "12"}
        assert changed["steps"][0]["output_data"] == {"result": "13"}
        assert same["execution"]["replayed_from"] == changed["execution"]["replayed_from"] == first
        assert changed["execution"]["trigger_data"]["data"] == {"x": 1, "y": 3}
        listed = (await tenant.call("GET", "/executions", 200))["executions"]
        assert len(listed) == 3


async def test_a_replayed_order_takes_the_other_branch(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.call("POST", "/workflows", 201, json=ORDERS)
        body = order(250)
        hook = await client.post(
            f"/webhooks/{workflow['webhook_path']}", content=body, headers=signed(body) | {"X-Shop": "7"}
        )
        first = await tenant.ended(hook.json()["execution_id"])
        path = f"/executions/{first['execution']['id']}/replay"

        made = await tenant.call("POST", path, 202, json={"override_data": {"amount": 50}})

        steps = steps_of(await tenant.ended(made["execution_id"]))
        assert steps["standard"]["output_data"] == {"result": "Auto-approve: $50"}
        assert steps["validate"]["output_data"] == {"result": "Order #ORD-001 for Jane"}
        assert first["execution"]["trigger_data"]["payload"] == json.loads(body)
        assert first["execution"]["trigger_data"]["headers"]["x-shop"] == "7"
        listed = (await tenant.call("GET", "/executions", 200))["executions"]
        assert [each["id"] for each in listed] == [made["execution_id"], first["execution"]["id"]]


async def test_replays_may_be_switched_off(redis_url: str) -> None:
    async with serving(redis_url, webhook_replay_enabled=False) as client:
        tenant = await register(client)
        execution_id = await tenant.execute(await tenant.create(step("a")))

        answer = await tenant.call("POST", f"/executions/{execution_id}/replay", 403)

        assert answer["error"]["code"] == "REPLAY_DISABLED"


async def test_a_log_tells_what_has_happened(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        detail = await tenant.run(
            await tenant.create(step("a"), step("b", expression="{{ trigger.no.thing }}"))
        )
        path = f"/executions/{detail['execution']['id']}/logs"

        logs = (await tenant.call("GET", path, 200))["logs"]
        own = (await tenant.call("GET", f"{path}?step_id=b", 200))["logs"]

        for entry in logs:
            assert entry.keys() == {"id", "step_id", "level", "message", "data", "created_at"}
            assert entry["level"] in ("debug", "info", "warn", "error")
        assert [logs[0]["message"], logs[-1]["message"]] == ["Execution created", "Execution failed"]
        assert {entry["step_id"] for entry in own} == {"b"}
        assert [entry["message"] for entry in own] == ["Step queued", "Step started", "Step failed"]
        assert own[-1]["level"] == "error"
        assert "thing" in own[-1]["data"]["message"] or "no" in own[-1]["data"]["message"]
        assert (await tenant.call("GET", f"{path}?step_id=nobody", 200))["logs"] == []


async def test_a_stream_says_connected_and_then_every_update(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        detail = await tenant.run(await tenant.create(step("a"), step("b", after=("a",))))
        execution_id = detail["execution"]["id"]

        answer = await _stream(client, tenant, execution_id)

        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "no-cache" in answer.headers["cache-control"]
        assert answer.headers["x-accel-buffering"] == "no"
        first, *rest = _frames(answer.text)
        assert first == {"type": "connected", "execution_id": execution_id, "status": "completed"}
        assert [(each["type"], each.get("step_id"), each["status"]) for each in rest] == [
            ("execution_update", None, "running"),
            ("step_update", "a", "queued"),
            ("step_update", "a", "running"),
            ("step_update", "a", "completed"),
            ("step_update", "b", "queued"),
            ("step_update", "b", "running"),
            ("step_update", "b", "completed"),
            ("execution_update", None, "completed"),
        ]
        assert {each["execution_id"] for each in rest} == {execution_id}
        last = answer.text.rsplit("id: ", 1)[1].split("\n")[0]
        over = await _stream(client, tenant, execution_id, last_event_id=last)
        assert (over.status_code, over.text) == (204, "")


async def test_a_stream_goes_on_until_the_end(redis_url: str, fleet: WorkerFleet) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        execution_id = await tenant.execute(await tenant.create(step("a")))
        watching = asyncio.ensure_future(_stream(client, tenant, execution_id))

        await fleet.start()
        async with asyncio.timeout(PATIENCE_S):
            frames = _frames((await watching).text)

        assert frames[0]["status"] == "running"
        assert (frames[-1]["type"], frames[-1]["status"]) == ("execution_update", "completed")


async def test_metrics_count_executions_steps_and_deliveries(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        orders = await tenant.call("POST", "/workflows", 201, json=ORDERS)
        failing = await tenant.create(step("a", expression="{{ trigger.no.thing }}"), name="Failing")
        body = order(250)
        for headers in (signed(body), signed(body), signed(body, "wrong")):
            answer = await client.post(f"/webhooks/{orders['webhook_path']}", content=body, headers=headers)
            if answer.status_code == 202:
                await tenant.ended(answer.json()["execution_id"])
        await tenant.run(failing)
        await tenant.execute(await tenant.create(*WAITING))

        found = await tenant.call("GET", "/metrics/executions", 200)

        assert (found["total"], found["by_status"]) == (4, {"completed": 2, "failed": 1, "running": 1})
        by_name = {each["workflow_name"]: each for each in found["by_workflow"]}
        assert by_name["Order Pipeline"] == {
            "workflow_id": orders["id"],
            "workflow_name": "Order Pipeline",
            "count": 2,
            "avg_duration_ms": by_name["Order Pipeline"]["avg_duration_ms"],
        }
        assert by_name["Failing"]["count"] == 1
        rates = {each["step_type"]: each for each in found["step_failure_rates"]}
        assert rates["transform"] == {"step_type": "transform", "total": 5, "failed": 1, "rate": 0.2}
        assert rates["condition"]["failed"] == 0
        assert found["webhook_delivery_stats"] == {"total": 3, "accepted": 2, "rejected": 1, "error": 0}
        assert isinstance(found["avg_duration_ms"], int)


async def test_an_execution_of_another_door_is_shown_in_its_words(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        nodes = [
            {
                "id": "M",
                "handler": "transform",
                "config": {"expression": "{{ item }}"},
                "map": {"items": [1, 2]},
            },
            {"id": "W", "handler": "wait_for_signal", "config": {"name": "go"}, "dependencies": ["M"]},
        ]
        native = {"definition": {"name": "n", "nodes": nodes}, "trigger": True}
        made = await client.post("/v1/executions", json=native, headers={"X-API-Key": tenant.key})
        execution_id = made.json()["execution_id"]

        found = await tenant.call("GET", f"/executions/{execution_id}", 200)
        await tenant.call("POST", f"/executions/{execution_id}/cancel", 200)
        again = await tenant.call("POST", f"/executions/{execution_id}/replay", 202)

        listed = (await tenant.call("GET", "/executions", 200))["executions"]
        assert [each["id"] for each in listed] == [again["execution_id"]]
        assert [each["step_type"] for each in found["steps"]] == ["transform", "wait_for_signal"]
        assert found["execution"]["workflow_id"] is None
        assert (await tenant.ended(execution_id))["execution"]["status"] == "cancelled"
        assert (await _stream(client, tenant, execution_id)).status_code == 200


async def _stream(
    client: httpx2.AsyncClient, tenant: Tenant, execution_id: str, *, last_event_id: str | None = None
) -> httpx2.Response:
    headers = {"X-API-Key": tenant.key}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    return await client.get(f"/api/executions/{execution_id}/stream", headers=headers)


def _frames(text: str) -> list[Any]:
    lines = [line for frame in text.split("\n\n") for line in frame.split("\n")]
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
