"""The documented run: an order comes by a signed webhook, and its amount decides what becomes of it."""

from __future__ import annotations

import pytest

from tests.contract.automation.automation_over_http import (
    ORDERS,
    order,
    register,
    serving,
    signed,
    steps_of,
)
from tests.makers import WorkerFleet


@pytest.mark.parametrize(
    ("amount", "taken", "result", "skipped"),
    [
        (250, "high_value", "Escalate: $250", "standard"),
        (50, "standard", "Auto-approve: $50", "high_value"),
    ],
)
async def test_the_amount_of_an_order_decides_its_branch(
    redis_url: str, fleet: WorkerFleet, amount: int, taken: str, result: str, skipped: str
) -> None:
    await fleet.start()
    async with serving(redis_url) as client:
        tenant = await register(client)
        workflow = await tenant.call("POST", "/workflows", 201, json=ORDERS)
        body = order(amount)

        answer = await client.post(
            f"/webhooks/{workflow['webhook_path']}",
            content=body,
            headers={"Content-Type": "application/json", **signed(body)},
        )

        assert answer.status_code == 202, answer.text
        assert answer.json().keys() == {"execution_id"}
        detail = await tenant.ended(answer.json()["execution_id"])
        steps = steps_of(detail)
        assert detail["execution"]["status"] == "completed", detail
        assert steps["validate"]["output_data"] == {"result": "Order #ORD-001 for Jane"}
        assert steps[taken]["output_data"] == {"result": result}
        assert (steps[skipped]["status"], steps[skipped]["output_data"]) == ("skipped", None)
