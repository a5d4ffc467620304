"""What each type of step does, and how it is shown."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from tests.contract.automation.automation_over_http import Tenant, register, serving, step, steps_of
from tests.makers import Rig, WorkerFleet, until
from tests.unit.clients.http.target_server import Seen, reply, running_target

AT_ONCE = {"delay_seconds": 0}


async def test_a_call_gives_its_answer_and_shows_what_was_sent(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with running_target() as target, serving(redis_url, http_step_timeout=7) as client:

        def greet(seen: Seen) -> bytes:
            body = {"name": "Ann", "sent": orjson.loads(seen.body), "key": seen.headers["x-key"]}
            return reply(201, orjson.dumps(body), content_type="application/json")

        target.answers["/people"] = greet
        tenant = await register(client)
        workflow = await tenant.create(
            step(
                "fetch",
                "http",
                url=target.url + "/{{ trigger.payload.path }}",
                method="POST",
                headers={"X-Key": "{{ trigger.data.key }}"},
                body='{"id": {{ trigger.payload.id }}}',
            ),
            step("greet", after=("fetch",), expression="Hello {{ steps.fetch.output.body.name }}"),
        )

        detail = await tenant.run(workflow, {"path": "people", "key": "k", "id": 7})

        steps = steps_of(detail)
        output = steps["fetch"]["output_data"]
        assert output["status_code"] == 201
        assert output["body"] == {"name": "Ann", "sent": {"id": 7}, "key": "k"}
        assert output["headers"]["content-type"] == "application/json"
        assert isinstance(output["duration_ms"], int)
        assert steps["greet"]["output_data"] == {"result": "Hello Ann"}
        assert steps["fetch"]["input_data"] == {
            "url": f"{target.url}/people",
            "method": "POST",
            "headers": {"X-Key": "k"},
            "body": '{"id": 7}',
            "timeout_seconds": 7,
        }


async def test_a_call_is_tried_again_after_a_5xx_and_not_after_a_4xx(
    redis_url: str, fleet: WorkerFleet
) -> None:
    await fleet.start()
    async with running_target() as target, serving(redis_url) as client:
        answers = iter(
            [reply(503, retry_after="200"), reply(500), reply(200, b"{}", content_type="application/json")]
        )
        target.answers |= {
            "/flaky": lambda _: next(answers),
            "/down": reply(502),
            "/gone": reply(404, b"no"),
            "/busy": reply(429),
        }
        tenant = await register(client)
        flow = [
            {**step(name, "http", url=f"{target.url}/{name}", method="POST"), "retry": AT_ONCE}
            for name in ("flaky", "down", "gone", "busy")
        ]

        detail = await tenant.run(await tenant.create(*flow))

        steps = steps_of(detail)
        seen = [each.path for each in target.seen]
        shown = {
            name: (each["status"], each["attempt"], each["max_attempts"], seen.count(f"/{name}"))
            for name, each in steps.items()
        }
        assert shown == {
            "flaky": ("completed", 3, 3, 3),
            "down": ("failed", 3, 3, 3),
            "gone": ("failed", 1, 3, 1),
            "busy": ("failed", 1, 3, 1),
        }
        assert "404" in steps["gone"]["error"]
        assert detail["execution"]["status"] == "failed"
        assert detail["execution"]["error"].startswith("Step '")


async def test_a_call_without_an_answer_in_time_is_tried_again(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    never = asyncio.Event()

    async def keep_waiting(_: Seen) -> bytes:
        await never.wait()
        return reply(200)

    async with running_target() as target, serving(redis_url) as client:
        target.answers["/silent"] = keep_waiting
        tenant = await register(client)
        silent = step("silent", "http", url=f"{target.url}/silent", method="POST", timeout_seconds=0.1)

        detail = await tenant.run(await tenant.create({**silent, "retry": AT_ONCE | {"max_attempts": 2}}))
        never.set()

        shown = steps_of(detail)["silent"]
        assert (shown["status"], shown["attempt"], shown["max_attempts"]) == ("failed", 2, 2)
        assert shown["error"] == f"no complete answer from {target.url}/silent within 0.1 s"


async def test_a_delay_waits_without_a_worker(redis_url: str, rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.create(step("wait", "delay", seconds=60), step("b", after=("wait",)))
        execution_id = await tenant.execute(workflow)
        await until(lambda: _has(tenant, execution_id, "wait", "running"))
        before = await tenant.call("GET", f"/executions/{execution_id}", 200)
        assert steps_of(before)["b"]["status"] == "pending"

        rig.transitions.now_ms = await rig.store.now_ms()
        await rig.advance(61_000)

        steps = steps_of(await tenant.ended(execution_id))
        assert steps["wait"]["output_data"] == {"status": "ok", "delayed_seconds": 60}
        assert steps["wait"]["input_data"] == {"seconds": 60}


async def test_an_execution_takes_no_longer_than_the_setting(
    redis_url: str, rig: Rig, fleet: WorkerFleet
) -> None:
    await fleet.start()
    async with serving(redis_url, execution_timeout_seconds=30) as client:
        tenant = await register(client)
        execution_id = await tenant.execute(await tenant.create(step("wait", "delay", seconds=60)))
        await until(lambda: _has(tenant, execution_id, "wait", "running"))

        rig.transitions.now_ms = await rig.store.now_ms()
        await rig.advance(31_000)

        detail = await tenant.ended(execution_id)
        assert detail["execution"]["status"] == "failed"
        assert detail["execution"]["error"].startswith("the execution passed its deadline; not ended: ")
        assert detail["steps"][0]["status"] == "skipped"


@pytest.mark.parametrize(
    ("value", "branch"),
    [
        (True, "true"),
        ("yes", "true"),
        (1, "true"),
        ("", "false"),
        (0, "false"),
        ("none", "false"),
        (None, "false"),
    ],
)
async def test_a_condition_shows_its_branch(
    redis_url: str, fleet: WorkerFleet, value: Any, branch: str
) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.create(
            step("c", "condition", expression="{{ trigger.data.v }}", true_branch=["t"], false_branch=["f"]),
            step("t"),
            step("f"),
            step("both", after=("t", "f")),
        )

        steps = steps_of(await tenant.run(workflow, {"v": value}))

        taken, left = ("t", "f") if branch == "true" else ("f", "t")
        assert steps["c"]["output_data"] == {
            "result": branch == "true",
            "branch": branch,
            "branch_steps": [taken],
        }
        assert [steps[name]["status"] for name in (taken, left, "both")] == [
            "completed",
            "skipped",
            "completed",
        ]


async def test_outputs_are_data_and_no_templates(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.create(
            step("a", expression="{{ trigger.data.text }} ${HOME} {x} {# kept #}"),
            step("b", after=("a",), expression="{{ steps.a.output.result }}"),
        )

        steps = steps_of(await tenant.run(workflow, {"text": "{{ 7 * 7 }}"}))

        assert steps["b"]["output_data"] == {"result": "{{ 7 * 7 }} ${HOME} {x} {# kept #}"}


async def test_what_is_missing_fails_the_step(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)

        detail = await tenant.run(await tenant.create(step("a", expression="{{ trigger.payload.none }}")))

        assert detail["execution"]["status"] == "failed"
        assert "none" in detail["steps"][0]["error"]
        assert detail["steps"][0]["attempt"] == 1


async def test_a_sub_workflow_gets_its_inputs_and_gives_its_context(
    redis_url: str, fleet: WorkerFleet
) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        inner = await tenant.create(
            step("greet", expression="Hi {{ trigger.data.who }}{{ trigger.payload.n }}")
        )
        outer = await tenant.create(
            step("name", expression="Ann"),
            step(
                "call",
                "sub_workflow",
                after=("name",),
                workflow_id=inner["id"],
                input_mapping={"who": "{{ steps.name.output.result }}", "n": 7},
            ),
            step(
                "end",
                after=("call",),
                expression="{{ steps.call.output.context.steps.greet.output.result }}!",
            ),
        )

        steps = steps_of(await tenant.run(outer))

        output = steps["call"]["output_data"]
        assert output["status"] == "completed"
        assert output["context"]["steps"] == {"greet": {"output": {"result": "Hi Ann7"}}}
        assert output["context"]["trigger"]["payload"] == {"who": "Ann", "n": 7}
        assert steps["end"]["output_data"] == {"result": "Hi Ann7!"}
        assert steps["call"]["input_data"] == {
            "workflow_id": inner["id"],
            "input_mapping": {"who": "Ann", "n": 7},
        }
        (child,) = (await tenant.call("GET", f"/executions?workflow_id={inner['id']}", 200))["executions"]
        assert child["trigger_data"] == {
            "source": "sub_workflow",
            "data": {"who": "Ann", "n": 7},
            "payload": {"who": "Ann", "n": 7},
        }


async def test_three_levels_of_sub_workflows_run_and_four_do_not(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        flows = [await tenant.create(step("leaf"))]
        for _ in range(4):
            flows.append(await tenant.create(step("call", "sub_workflow", workflow_id=flows[-1]["id"])))

        three = await tenant.run(flows[3])
        four = await tenant.run(flows[4])

        assert three["execution"]["status"] == "completed"
        assert four["execution"]["status"] == "failed"
        assert "3 levels" in four["steps"][0]["error"]


async def test_a_sub_workflow_of_another_tenant_is_unknown(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        mine, other = await register(client, "Mine"), await register(client, "Other")
        theirs = await other.create(step("leaf"))

        detail = await mine.run(await mine.create(step("call", "sub_workflow", workflow_id=theirs["id"])))

        assert detail["execution"]["status"] == "failed"
        assert (await other.call("GET", "/executions", 200))["executions"] == []


async def test_fifty_concurrent_executions_complete(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.create(
            step("a", expression="{{ trigger.data.n }}"),
            step("b", after=("a",), expression="{{ steps.a.output.result }}{{ steps.a.output.result }}"),
            step("c", after=("a",)),
            step("d", after=("b", "c"), expression="{{ steps.b.output.result }}"),
        )

        ids = await asyncio.gather(*(tenant.execute(workflow, {"n": n}) for n in range(50)))
        details = await asyncio.gather(*(tenant.ended(each) for each in ids))

        assert len(set(ids)) == 50
        assert {each["execution"]["status"] for each in details} == {"completed"}
        results = [steps_of(each)["d"]["output_data"]["result"] for each in details]
        assert results == [f"{n}{n}" for n in range(50)]


async def _has(tenant: Tenant, execution_id: str, step_id: str, status: str) -> bool:
    detail = await tenant.call("GET", f"/executions/{execution_id}", 200)
    return bool(steps_of(detail)[step_id]["status"] == status)
