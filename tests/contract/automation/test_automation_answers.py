"""Executions as they are shown where much of them is to be shown, or has failed."""

from __future__ import annotations

import pytest

from api import shown_outputs
from api.dialects.automation import execution_calls
from tests.contract.automation.automation_over_http import register, serving, step, steps_of
from tests.contract.samples import CAUGHT, node, start, workflow
from tests.makers import WorkerFleet


async def test_an_error_is_what_failed_it_and_no_failure_that_was_caught(
    redis_url: str, fleet: WorkerFleet
) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        key = {"X-API-Key": tenant.key}

        caught = await tenant.ended(await start(client, CAUGHT, **key))
        outputs = workflow(node("A"), output="{{ trigger.no.thing }}")
        unrendered = await tenant.ended(await start(client, outputs, **key))

        assert caught["execution"]["status"] == unrendered["execution"]["status"] == "failed"
        assert caught["execution"]["error"] == f"Step 'C' failed: {steps_of(caught)['C']['error']}"
        assert "no" in unrendered["execution"]["error"]


async def test_a_log_of_any_length_comes_whole(
    redis_url: str, fleet: WorkerFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        detail = await tenant.run(await tenant.create(*(step(each) for each in "abc")))
        paths = [f"/executions/{detail['execution']['id']}/logs{query}" for query in ("", "?step_id=b")]
        whole = [await tenant.call("GET", path, 200) for path in paths]

        monkeypatch.setattr(execution_calls, "PAGE", 2)

        assert [await tenant.call("GET", path, 200) for path in paths] == whole
        assert len(whole[0]["logs"]) > len(whole[1]["logs"]) > 2


async def test_outputs_beyond_one_answer_are_named_by_their_place(
    redis_url: str, fleet: WorkerFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        large = "x" * 10_000
        detail = await tenant.run(await tenant.create(step("a", expression=large), step("b")))
        path = f"/executions/{detail['execution']['id']}"

        monkeypatch.setattr(shown_outputs, "MOST_BYTES", 10_000)
        steps = steps_of(await tenant.call("GET", path, 200))

        assert steps_of(detail)["a"]["output_data"] == {"result": large}
        shown = steps["a"]["output_data"]
        assert (shown["truncated"], shown["bytes"]) == (True, len(large) + len('{"result":""}'))
        answer = await client.get(shown["href"], headers={"X-API-Key": tenant.key})
        assert answer.json() == {"result": large}
        assert steps["b"]["output_data"] == {"result": "ok"}


async def test_a_replay_keeps_every_digit_of_what_is_not_sent(redis_url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    number = 123456789012345678901234567890
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.create(
            step("a", expression="{{ trigger.payload.n }}"), trigger_type="webhook"
        )
        hook = await client.post(f"/webhooks/{workflow['webhook_path']}", json={"n": number, "x": 1})
        assert hook.status_code == 202, hook.text
        first = await tenant.ended(hook.json()["execution_id"])
        path = f"/executions/{first['execution']['id']}/replay"

        made = await tenant.call("POST", path, 202, json={"override_data": {"x": 2}})

        again = await tenant.ended(made["execution_id"])
        assert first["execution"]["trigger_data"]["payload"] == {"n": number, "x": 1}
        assert again["execution"]["trigger_data"]["payload"] == {"n": number, "x": 2}
        assert again["steps"][0]["output_data"] == {"result": str(number)}
        rows = (await tenant.call("GET", "/executions", 200))["executions"]
        assert [row["trigger_data"]["payload"]["n"] for row in rows] == [number, number]
        await tenant.call("GET", f"/executions/{first['execution']['id']}/logs", 200)
