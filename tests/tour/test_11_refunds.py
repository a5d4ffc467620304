"""Everything together: `examples/refunds.yaml`.

It looks up the orders in a map, asks a person when they come to more than the limit, pays in a sub-workflow
whose failure would be caught, and puts out what the whole came to.
"""

from __future__ import annotations

from pathlib import Path

from tests.tour.headrace import Headrace

REFUNDS = (Path(__file__).resolve().parents[2] / "examples" / "refunds.yaml").read_text(encoding="utf-8")


async def test_above_the_limit_a_person_is_asked_and_then_it_is_paid(headrace: Headrace) -> None:
    execution_id = await headrace.start(REFUNDS, limit=50)
    await headrace.node_is(execution_id, "ask", "WAITING")
    asked = await headrace.get(f"/v1/approvals/{execution_id}/ask")

    await headrace.post(
        f"/v1/executions/{execution_id}/approvals/ask", decision="approve", by="jane", shown=asked["shown"]
    )

    assert asked["prompt"] == "Refund 3 orders, 99 € in all?"
    assert await headrace.ended(execution_id) == "COMPLETED"
    outputs = await headrace.outputs(execution_id)
    assert [order["output"]["data"]["path"] for order in outputs["look_up"]] == [
        "/orders/A-1", "/orders/A-2", "/orders/A-3",
    ]  # fmt: skip
    assert outputs["pay"]["book"]["data"]["path"] == "/pay/99"
    assert (await headrace.show(execution_id))["output"] == {"refunded": 99, "decided_by": "jane"}
    statuses = await headrace.statuses(execution_id)
    assert (statuses["wave"], statuses["apologise"], statuses["tell"]) == ("SKIPPED", "SKIPPED", "COMPLETED")


async def test_below_the_limit_no_one_is_asked(headrace: Headrace) -> None:
    execution_id = await headrace.start(REFUNDS)

    assert await headrace.ended(execution_id) == "COMPLETED"
    assert (await headrace.statuses(execution_id))["ask"] == "SKIPPED"
    assert (await headrace.show(execution_id))["output"] == {"refunded": 99, "decided_by": "nobody was asked"}
