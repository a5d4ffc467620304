"""Workflows of the door: made, listed, changed in part, checked, deleted; and what their triggers start."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestrator.documents.times import rfc3339
from orchestrator.loops.schedules import Schedules
from orchestrator.operations.registered import Registered
from orchestrator.operations.schema_checks import SchemaChecks
from tests.contract.automation.automation_over_http import (
    ORDERS,
    SECRET,
    order,
    register,
    serving,
    signed,
    step,
)
from tests.makers import Rig, WorkerFleet

ONE = [step("a")]


async def test_a_workflow_is_shown_as_it_was_sent(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)

        made = await tenant.call("POST", "/workflows", 201, json={**ORDERS, "description": "Orders"})

        assert made == {
            "id": made["id"],
            "name": "Order Pipeline",
            "description": "Orders",
            "trigger_type": "webhook",
            "trigger_config": {},
            "steps": ORDERS["steps"],
            "is_active": True,
            "webhook_path": made["webhook_path"],
            "created_at": made["created_at"],
            "updated_at": made["updated_at"],
        }
        assert re.fullmatch(r"wh_[0-9a-f]{24}", made["webhook_path"])
        assert await tenant.call("GET", f"/workflows/{made['id']}", 200) == made
        assert SECRET not in str(await tenant.call("GET", "/workflows", 200))


async def test_titles_are_free_and_may_be_equal(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)

        made = [await tenant.create(*ONE, name="Bestellung prüfen → 1") for _ in range(2)]

        assert [each["name"] for each in made] == ["Bestellung prüfen → 1"] * 2
        assert made[0]["id"] != made[1]["id"]
        assert made[0]["webhook_path"] is None


async def test_lists_come_in_pages_and_are_narrowed(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        for place in range(5):
            kind = "webhook" if place % 2 else "manual"
            await tenant.create(*ONE, name=f"Flow {place}", trigger_type=kind, is_active=place != 4)
        headers = {"X-API-Key": tenant.key}
        native = {"name": "native", "nodes": [{"id": "A", "handler": "noop"}]}
        await client.post("/v1/workflows", json=native, headers=headers)

        first = await tenant.call("GET", "/workflows?limit=2", 200)
        rest = await tenant.call("GET", f"/workflows?limit=3&cursor={first['cursor']}", 200)
        hooked = await tenant.call("GET", "/workflows?trigger_type=webhook", 200)
        paused = await tenant.call("GET", "/workflows?is_active=false", 200)

        names = [each["name"] for page in (first, rest) for each in page["workflows"]]
        assert names == [f"Flow {place}" for place in (4, 3, 2, 1, 0)]
        assert rest["cursor"] is None
        assert [each["name"] for each in hooked["workflows"]] == ["Flow 3", "Flow 1"]
        assert [each["name"] for each in paused["workflows"]] == ["Flow 4"]
        for query in ("limit=101", "limit=0", "trigger_type=x", "is_active=perhaps", "cursor=x"):
            assert (await tenant.call("GET", f"/workflows?{query}", 422))["error"][
                "code"
            ] == "VALIDATION_ERROR"


async def test_a_change_leaves_what_it_does_not_name(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        made = await tenant.create(*ONE, description="first")
        path = f"/workflows/{made['id']}"

        renamed = await tenant.call("PUT", path, 200, json={"name": "Other", "description": None})
        stopped = await tenant.call("PUT", path, 200, json={"is_active": False})
        stepped = await tenant.call("PUT", path, 200, json={"steps": [step("b"), step("c", after=("b",))]})

        changed = {"name": "Other", "updated_at": renamed["updated_at"]}
        assert renamed == {**made, **changed}
        assert stopped == {**renamed, "is_active": False, "updated_at": stopped["updated_at"]}
        assert [each["id"] for each in stepped["steps"]] == ["b", "c"]
        assert (stepped["is_active"], stepped["description"]) == (False, "first")


async def test_a_change_is_checked_like_a_new_workflow(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        made = await tenant.create(*ONE)
        path = f"/workflows/{made['id']}"

        bad = await tenant.call("PUT", path, 400, json={"steps": [step("a", after=("x",))]})
        empty = await tenant.call("PUT", path, 400, json={"steps": []})
        cron = await tenant.call("PUT", path, 400, json={"trigger_type": "cron"})
        odd = await tenant.call("PUT", path, 422, json={"trigger_type": "sometimes"})

        codes = [each["error"]["code"] for each in (bad, empty, cron, odd)]
        assert codes == ["INVALID_DEPENDENCY", "NO_STEPS", "INVALID_CRON", "VALIDATION_ERROR"]
        assert await tenant.call("GET", path, 200) == made


async def test_the_trigger_of_a_workflow_may_become_another(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        made = await tenant.create(*ONE)
        path = f"/workflows/{made['id']}"

        hooked = await tenant.call("PUT", path, 200, json={"trigger_type": "webhook"})
        taken = await client.post(f"/webhooks/{hooked['webhook_path']}", content=b"{}")
        by_hand = await tenant.call("PUT", path, 200, json={"trigger_type": "manual"})
        gone = await client.post(f"/webhooks/{hooked['webhook_path']}", content=b"{}")

        assert taken.status_code == 202
        assert by_hand["webhook_path"] is None
        assert gone.status_code == 404


async def test_a_secret_is_set_replaced_and_taken_away(redis_url: str) -> None:
    async with serving(redis_url, environment="production", operator_key="k" * 16) as client:
        registered = await client.post(
            "/api/tenants/register", json={"name": "x"}, headers={"Authorization": "Bearer " + "k" * 16}
        )
        key = {"X-API-Key": registered.json()["api_key"]}
        made = await client.post(
            "/api/workflows", json={"name": "f", "trigger_type": "webhook", "steps": ONE}, headers=key
        )
        path, hook = f"/api/workflows/{made.json()['id']}", f"/webhooks/{made.json()['webhook_path']}"
        body = order(1)

        async def sent(secret: str | None) -> int:
            headers = {} if secret is None else signed(body, secret)
            return (await client.post(hook, content=body, headers=headers)).status_code

        statuses = [await sent(None)]
        for secret in ("one", "two", ""):
            answer = await client.put(path, json={"webhook_secret": secret}, headers=key)
            assert answer.status_code == 200, answer.text
            assert answer.json()["webhook_path"] == made.json()["webhook_path"]
            statuses += [await sent(None), await sent("one"), await sent("two")]

        # Without a secret nothing is checked; with one, and with its successor, that one alone is good.
        assert statuses == [202, 401, 202, 401, 401, 401, 202, 202, 202, 202]


async def test_a_deleted_workflow_is_unknown_and_its_executions_stay(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        made = await tenant.call("POST", "/workflows", 201, json=ORDERS)
        execution_id = await tenant.execute(made)
        path = f"/workflows/{made['id']}"

        assert await tenant.call("DELETE", path, 200) == {"deleted": True}

        assert (await tenant.call("GET", path, 404))["error"]["code"] == "NOT_FOUND"
        assert (await tenant.call("DELETE", path, 404))["error"]["code"] == "NOT_FOUND"
        body = order(1)
        hook = await client.post(f"/webhooks/{made['webhook_path']}", content=body, headers=signed(body))
        assert hook.status_code == 404
        assert (await tenant.call("GET", f"/executions/{execution_id}", 200))["execution"][
            "id"
        ] == execution_id


@pytest.mark.parametrize(
    ("steps", "code", "path"),
    [
        ([], "NO_STEPS", "steps"),
        ([step(f"s{place}") for place in range(51)], "TOO_MANY_STEPS", "steps"),
        ([step("a", "email", x=1)], "UNKNOWN_STEP_TYPE", "steps[0].type"),
        ([step("a"), step("a")], "DUPLICATE_STEP_ID", "steps[1].id"),
        ([step("a", after=("b",))], "INVALID_DEPENDENCY", "steps[0].depends_on[0]"),
        (
            [step("a", "condition", expression="true", true_branch=["b"])],
            "INVALID_DEPENDENCY",
            "steps[0].config.true_branch",
        ),
        ([step("a", after=("b",)), step("b", after=("a",))], "CYCLE_DETECTED", "steps"),
        ([step("a", expression="{{ 1 + }}")], "EXPRESSION_ERROR", "steps[0].config.expression"),
        ([step("a", expression="{{ steps.b.output }}")], "EXPRESSION_ERROR", "steps[0].config.expression"),
        ([step("a", expression="{{ x.__class__ }}")], "EXPRESSION_ERROR", "steps[0].config.expression"),
        (
            [step("a"), step("b", expression="{{ steps.a.output.result }}")],
            "EXPRESSION_ERROR",
            "steps[1].config.expression",
        ),
        ([step("a", "http", method="GET")], "STEP_CONFIG_ERROR", "steps[0].config.url"),
        ([step("a", "delay", seconds=0)], "STEP_CONFIG_ERROR", "steps[0].config.seconds"),
        ([step("a", "delay", seconds=3601)], "STEP_CONFIG_ERROR", "steps[0].config.seconds"),
        ([{**step("a"), "retry": {"max_attempts": 11}}], "VALIDATION_ERROR", "steps[0].retry.max_attempts"),
        (
            [{**step("a"), "retry": {"delay_seconds": 301}}],
            "VALIDATION_ERROR",
            "steps[0].retry.delay_seconds",
        ),
        ([step("not an id")], "VALIDATION_ERROR", "steps[0].id"),
        (["a"], "VALIDATION_ERROR", "steps[0]"),
    ],
)
async def test_what_is_wrong_with_steps_has_a_code_and_a_place(
    redis_url: str, steps: list[Any], code: str, path: str
) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        body = {"name": "f", "trigger_type": "manual", "steps": steps}

        error = (await tenant.call("POST", "/workflows", 400, json=body))["error"]

        assert error.keys() == {"code", "message", "details"}
        assert error["code"] == code, error
        assert (error["details"][0]["code"], error["details"][0]["path"]) == (code, path)
        assert (await tenant.call("GET", "/workflows", 200))["workflows"] == []


async def test_the_number_of_steps_is_a_setting(redis_url: str) -> None:
    async with serving(redis_url, max_steps_per_workflow=2) as client:
        tenant = await register(client)
        await tenant.create(step("a"), step("b"))
        three = {"name": "f", "steps": [step("a"), step("b"), step("c")]}

        error = (await tenant.call("POST", "/workflows", 400, json=three))["error"]

        assert error["code"] == "TOO_MANY_STEPS"
        assert "the workflow has 3 steps; allowed are 2 (MAX_STEPS_PER_WORKFLOW)" in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"trigger_type": "manual", "steps": ONE},
        {"name": " ", "steps": ONE},
        {"name": "f", "trigger_type": "sometimes", "steps": ONE},
        {"name": "f", "steps": "none"},
        {"name": "f", "steps": ONE, "is_active": "perhaps"},
        {"name": "f", "steps": ONE, "stepz": []},
    ],
)
async def test_a_body_of_another_shape_is_refused(redis_url: str, body: dict[str, Any]) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)

        answer = await tenant.call("POST", "/workflows", 422, json=body)

        assert answer["error"]["code"] == "VALIDATION_ERROR"
        assert answer["error"]["details"]


async def test_the_same_request_makes_one_workflow(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        headers = {"Idempotency-Key": "k1"}

        made = [await tenant.call("POST", "/workflows", 201, json=ORDERS, headers=headers) for _ in range(2)]

        assert made[0] == made[1]
        assert len((await tenant.call("GET", "/workflows", 200))["workflows"]) == 1


async def test_a_cron_trigger_starts_executions_that_the_door_lists(
    redis_url: str, rig: Rig, fleet: WorkerFleet
) -> None:
    await fleet.start()
    async with serving(redis_url, cron_timezone="Europe/Berlin") as client:
        tenant = await register(client)
        made = await tenant.create(
            step("a", expression="{{ trigger.triggered_by }} at {{ trigger.scheduled_time }}"),
            trigger_type="cron",
            trigger_config={"cron_expression": "30 8 * * *"},
        )
        loop = Schedules(rig.store, rig.transitions, Registered(rig.store), SchemaChecks())
        ((_, due_ms),) = await rig.redis.zrange("workflows:schedules", 0, 0, withscores=True)

        rig.transitions.now_ms = int(due_ms)
        assert await loop.run_once(int(due_ms)) == 1

        (found,) = (await tenant.call("GET", f"/executions?workflow_id={made['id']}", 200))["executions"]
        time = rfc3339(int(due_ms))
        assert found["trigger_data"] == {"triggered_by": "cron", "scheduled_time": time}
        assert time[11:16] in ("06:30", "07:30")  # 8:30 in Berlin, in summer and in winter
        detail = await tenant.ended(found["id"])
        assert detail["steps"][0]["output_data"] == {"result": f"cron at {time}"}


@pytest.mark.parametrize("expression", [None, "* * * *", "@daily", "* * * * * *", "99 * * * *", 7])
async def test_a_cron_expression_has_five_fields(redis_url: str, expression: Any) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        config = {} if expression is None else {"cron_expression": expression}
        body = {"name": "f", "trigger_type": "cron", "trigger_config": config, "steps": ONE}

        assert (await tenant.call("POST", "/workflows", 400, json=body))["error"]["code"] == "INVALID_CRON"


async def test_a_workflow_made_natively_is_shown_in_its_words(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        headers = {"X-API-Key": tenant.key}
        native = {
            "name": "Native",
            "nodes": [
                {"id": "A", "handler": "noop"},
                {"id": "B", "handler": "llm", "dependencies": ["A"], "config": {"prompt": "Hi"}},
            ],
        }
        made = (await client.post("/v1/workflows", json=native, headers=headers)).json()

        found = await tenant.call("GET", f"/workflows/{made['workflow_id']}", 200)
        # It is changed and removed where it was made.
        await tenant.call("PUT", f"/workflows/{made['workflow_id']}", 404, json={"is_active": False})
        await tenant.call("DELETE", f"/workflows/{made['workflow_id']}", 404)

        assert (found["name"], found["trigger_type"]) == ("Native", "manual")
        assert found["steps"] == [
            {"id": "A", "type": "noop", "config": {}, "depends_on": []},
            {"id": "B", "type": "llm", "config": {"prompt": "Hi"}, "depends_on": ["A"]},
        ]
