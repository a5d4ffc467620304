"""Handlers with their configs, and what calls to language models have used."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from jsonschema_rs import Draft202012Validator, meta

from orchestrator.definitions.budgets import NO_CAPS, Usage
from tests.contract.samples import node, submit, workflow
from tests.makers import FakeWorker
from workers.handlers import HANDLER_REGISTRY

USED = Usage(calls=1, input=30, output=10, cache_read=4, cost_nanos=1_500_000)


async def spend(client: httpx2.AsyncClient, worker: FakeWorker, used: Usage = USED) -> str:
    """Run a node that makes one call; gives its execution."""
    execution_id = await submit(client, workflow(node("A")))
    await client.post(f"/workflow/trigger/{execution_id}")
    held = await worker.start_one("A")
    _, day = await worker.transitions.reserve_budget(held, number=1, tokens=99, nanos=0, tenant=NO_CAPS)
    await worker.transitions.settle_budget(held, number=1, held=(99, 0, day), used=used)
    return execution_id


async def handlers(client: httpx2.AsyncClient) -> dict[str, dict[str, Any]]:
    answer = await client.get("/v1/handlers")
    assert answer.status_code == 200
    return {item["name"]: item for item in answer.json()["items"]}


async def test_every_handler_is_listed_once(client: httpx2.AsyncClient) -> None:
    found = await handlers(client)

    assert found.keys() == {spec.name for spec in HANDLER_REGISTRY.values()}
    assert found["unreliable_handler"]["aliases"] == ["unreliable"]
    assert all(item["summary"] for item in found.values())


async def test_configs_are_json_schemas_that_say_what_a_submission_would(client: httpx2.AsyncClient) -> None:
    found = await handlers(client)

    for item in found.values():
        if item["config_schema"] is not None:
            meta.validate(item["config_schema"])
    llm = Draft202012Validator(found["llm"]["config_schema"])
    assert llm.is_valid({"prompt": "Why?", "schema": {"type": "object"}, "effort": "low"})
    assert not llm.is_valid({"prompt": "Why?", "efort": "low"})
    assert not llm.is_valid({"prompt": "Why?", "max_tokens": 0})
    assert found["noop"]["config_schema"] is None


async def test_default_retries_are_shown(client: httpx2.AsyncClient) -> None:
    found = await handlers(client)

    assert found["llm"]["retry"]["max_attempts"] == 3
    assert found["noop"]["retry"] is None


async def test_a_handler_shows_who_offers_it_also_one_that_is_known_to_workers_only(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    fields: list[str | bytes | int] = [
        "name", "w", "host", "h", "pid", 1, "handlers", "noop unreliable theirs", "queues", "default",
        "slots", 1, "running", 0, "started_ms", 1,
    ]  # fmt: skip
    await worker.transitions.announce_worker("w1", ["default"], fields)

    found = await handlers(client)

    assert found["noop"]["workers"] == ["w1"]
    assert found["llm"]["workers"] == []
    assert (found["theirs"]["workers"], found["theirs"]["config_schema"]) == (["w1"], None)
    assert "unreliable" not in found


async def test_an_execution_shows_what_it_used(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    execution_id = await spend(client, worker)

    found = (await client.get(f"/v1/executions/{execution_id}")).json()

    assert found["usage"] == {
        "calls": 1, "unpriced_calls": 0, "input": 30, "output": 10, "cache_read": 4, "cache_write": 0,
        "lost_calls": 0, "lost_tokens": 0,
    }  # fmt: skip
    assert found["cost_usd"] == 0.0015
    (asking,) = found["nodes"]
    assert (asking["usage"], asking["cost_usd"]) == (found["usage"], 0.0015)


async def test_an_execution_without_calls_has_no_cost(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, workflow(node("A")))

    found = (await client.get(f"/v1/executions/{execution_id}")).json()

    assert (found["usage"]["calls"], found["cost_usd"]) == (0, None)
    assert (found["nodes"][0]["usage"], found["nodes"][0]["cost_usd"]) == (None, None)


async def test_usage_is_summed_by_day(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    await spend(client, worker)
    await spend(client, worker, Usage(calls=1, unpriced_calls=1, input=1, output=1))

    found = (await client.get("/v1/usage", params={"days": 3})).json()

    assert [day["usage"]["calls"] for day in found["days"]].count(0) == 2
    assert found["usage"]["calls"] == 2
    assert (found["usage"]["input"], found["usage"]["unpriced_calls"]) == (31, 1)
    assert found["cost_usd"] == 0.0015
    dates = [day["date"] for day in found["days"]]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("days", ["0", "401", "many"])
async def test_days_are_bounded(client: httpx2.AsyncClient, days: str) -> None:
    assert (await client.get("/v1/usage", params={"days": days})).status_code == 422
