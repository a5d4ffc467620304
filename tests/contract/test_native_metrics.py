"""`GET /metrics`: the numbers of a deployment, for its operator."""

from __future__ import annotations

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.two_tenants import OPERATOR_KEY, two_tenants
from tests.makers import node, workflow


async def test_what_has_happened_is_in_the_numbers(client: httpx2.AsyncClient) -> None:
    started = await client.post("/v1/executions", json={"definition": workflow(node("A"), name="Pay")})
    name = started.json()["execution_id"]
    cancelled = await client.post(f"/v1/executions/{name}/cancel", json={"grace": 0})
    answer = await client.get("/metrics")

    assert (cancelled.is_success, answer.status_code) == (True, 200)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples = [each for family in text_string_to_metric_families(answer.text) for each in family.samples]
    found = {(each.name, each.labels.get("status", "")): each.value for each in samples}
    assert found["headrace_executions_today", "CANCELLED"] == 1
    assert found["headrace_workers", ""] == 0
    assert found["headrace_redis_memory_bytes", ""] > 0


async def test_all_tenants_are_summed_up_for_the_operator_alone(redis_url: str) -> None:
    async with two_tenants(redis_url) as tenants:
        for name in ("acme", "bolt"):
            started = await tenants.post(
                "/v1/executions", name, {"definition": workflow(node("A"), name="Pay")}
            )
            where = f"/v1/executions/{started.json()['execution_id']}/cancel"
            assert (await tenants.post(where, name, {"grace": 0})).is_success
        refused = [await tenants.get("/metrics", key) for key in (None, "acme")]
        answer = await tenants.get("/metrics", OPERATOR_KEY)

    assert [each.status_code for each in refused] == [401, 403]
    assert 'headrace_executions_today{status="CANCELLED",workflow=""} 2.0' in answer.text
