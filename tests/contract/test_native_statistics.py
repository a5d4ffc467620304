"""`GET /v1/statistics`: how executions ended, counted by the time they are asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.contract.samples import node, workflow
from tests.makers import FakeWorker

NOTHING = {"total": 0, "completed": 0, "failed": 0, "cancelled": 0, "average_ms": None}
NO_DELIVERIES = {"received": 0, "accepted": 0, "rejected": 0, "error": 0}


async def test_what_has_just_ended_is_counted(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    registered = await client.post("/v1/workflows", json={"definition": workflow(node("A"))})
    record = registered.json()
    await client.post(f"/v1/workflows/{record['name']}/executions", json={})
    await worker.run_all()
    body = {"definition": workflow(node("A"), node("B")), "trigger": True}
    made = (await client.post("/v1/executions", json=body)).json()
    await worker.run_all(failing=["B"])

    answer = await client.get("/v1/statistics")

    found = answer.json()
    today = datetime.now(UTC).date()
    assert answer.status_code == 200
    assert (found["from"], found["to"]) == ((today - timedelta(days=29)).isoformat(), today.isoformat())
    assert {**found["executions"], "average_ms": None} == NOTHING | {"total": 2, "completed": 1, "failed": 1}
    assert found["executions"]["average_ms"] >= 0
    rows = {row["workflow_id"]: (row["name"], row["title"], row["total"]) for row in found["workflows"]}
    assert rows == {
        record["workflow_id"]: (record["name"], record["title"], 1),
        None: (None, None, 1),
    }
    assert found["handlers"] == [
        {"handler": node("A")["handler"], "total": 3, "failed": 1, "failure_rate": pytest.approx(1 / 3)}
    ]
    assert found["deliveries"] == NO_DELIVERIES
    view = (await client.get(f"/v1/executions/{made['execution_id']}")).json()
    assert view["expires_at"] is None  # no loop has seen it yet


async def test_other_days_say_nothing(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    await client.post("/v1/executions", json={"definition": workflow(node("A")), "trigger": True})
    await worker.run_all()

    found = (await client.get("/v1/statistics", params={"from": "2020-01-01", "to": "2020-01-31"})).json()

    assert (found["from"], found["to"]) == ("2020-01-01", "2020-01-31")
    assert (found["executions"], found["workflows"], found["handlers"]) == (NOTHING, [], [])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "the first before the last"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "allowed: 1 to 366"),
        ({"days": "3"}, "days"),
    ],
)
async def test_what_is_no_span_of_days_is_refused(
    client: httpx2.AsyncClient, query: dict[str, str], words: str
) -> None:
    answer = await client.get("/v1/statistics", params=query)

    assert answer.status_code == 422
    assert words in answer.text
