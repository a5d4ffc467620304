"""Workflows whose deliveries are signed never become unsigned in silence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.automation.automation_over_http import (
    ORDERS,
    SECRET,
    order,
    register,
    serving,
    signed,
    step,
)


@pytest.mark.parametrize("between", ["manual", "cron"])
async def test_a_webhook_that_was_signed_comes_back_only_with_a_word_about_its_secret(
    redis_url: str, between: str
) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        made = await tenant.call("POST", "/workflows", 201, json=ORDERS)
        path, body = f"/workflows/{made['id']}", order(1)

        async def sent(hooked: dict[str, Any], headers: dict[str, str]) -> int:
            hook = f"/webhooks/{hooked['webhook_path']}"
            return (await client.post(hook, content=body, headers=headers)).status_code

        same = await tenant.call("PUT", path, 200, json={"trigger_type": "webhook"})
        statuses = [await sent(same, {}), await sent(same, signed(body))]
        cron = {"trigger_type": between, "trigger_config": {"cron_expression": "30 8 * * *"}}
        other = await tenant.call("PUT", path, 200, json=cron)
        other = await tenant.call("PUT", path, 200, json={"name": "Renamed"})
        refused = await tenant.call("PUT", path, 400, json={"trigger_type": "webhook"})
        unchanged = await tenant.call("GET", path, 200)
        back = {"trigger_type": "webhook", "webhook_secret": "new"}
        again = await tenant.call("PUT", path, 200, json=back)
        statuses += [
            await sent(again, {}),
            await sent(again, signed(body)),
            await sent(again, signed(body, "new")),
        ]
        await tenant.call("PUT", path, 200, json=cron)
        free = await tenant.call("PUT", path, 200, json={**back, "webhook_secret": ""})
        statuses.append(await sent(free, {}))
        # Without a secret there is none to be forgotten.
        await tenant.call("PUT", path, 200, json=cron)
        free = await tenant.call("PUT", path, 200, json={"trigger_type": "webhook"})
        statuses.append(await sent(free, {}))

        problem = {
            "code": "VALIDATION_ERROR",
            "path": "webhook_secret",
            "message": "deliveries to this workflow were signed, and its secret went with its webhook: "
            "send 'webhook_secret', or \"\" for none",
        }
        assert refused == {"error": {**refused["error"], "code": "VALIDATION_ERROR", "details": [problem]}}
        assert problem["message"] in refused["error"]["message"]
        assert unchanged == other
        assert statuses == [401, 202, 401, 401, 202, 202, 202]


async def test_a_secret_sent_before_there_is_a_webhook_is_asked_for_again(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        made = await tenant.create(step("a"), webhook_secret=SECRET)

        refused = await tenant.call("PUT", f"/workflows/{made['id']}", 400, json={"trigger_type": "webhook"})

        assert refused["error"]["details"][0]["path"] == "webhook_secret"
