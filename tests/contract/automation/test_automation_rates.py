"""Requests are limited by the minute, in every process alike, and every answer says what is left."""

from __future__ import annotations

import httpx2
import pytest

from tests.contract.automation.automation_over_http import Tenant, register, serving, step

FIELDS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.fixture(autouse=True)
def _in_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first request of a test may be the last of its minute.
    monkeypatch.setattr("api.rate_limits.WINDOW_MS", 10**12)


async def test_registrations_of_an_address_are_limited(redis_url: str) -> None:
    async with serving(redis_url, rate_limit_register=2) as client:
        answers = [await client.post("/api/tenants/register", json={"name": "x"}) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert [answer.headers["x-ratelimit-limit"] for answer in answers] == ["2"] * 3
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
        last = answers[-1]
        assert last.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert int(last.headers["retry-after"]) > 0
        assert int(last.headers["x-ratelimit-reset"]) > 1_700_000_000


async def test_each_tenant_has_a_rate_of_its_own_for_each_kind(redis_url: str) -> None:
    limits = {"rate_limit_workflows": 2, "rate_limit_executions": 1, "rate_limit_reads": 3}
    async with serving(redis_url, **limits) as client, serving(redis_url, **limits) as second:
        tenant, other = await register(client), await register(client)
        elsewhere = Tenant(second, {"id": tenant.id, "api_key": tenant.key})
        workflow = await tenant.create(step("a"))
        await elsewhere.create(step("a"))

        refused = await tenant.call("POST", "/workflows", 429, json={})
        await tenant.execute(workflow)
        held = await tenant.call("POST", f"/workflows/{workflow['id']}/execute", 429)

        assert refused["error"]["code"] == held["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        await other.create(step("a"))
        for _ in range(3):
            await tenant.call("GET", "/workflows", 200)
        await tenant.call("GET", "/executions", 429)


async def test_failures_count_and_say_what_is_left(redis_url: str) -> None:
    async with serving(redis_url, rate_limit_reads=10) as client:
        tenant = await register(client)

        answer = await _get(client, tenant, "/workflows/wf_x")

        assert answer.status_code == 404
        assert [answer.headers[name] for name in FIELDS[:2]] == ["10", "9"]


async def test_without_a_limit_nothing_is_counted(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)

        answer = await _get(client, tenant, "/workflows")

        assert not [name for name in FIELDS if name in answer.headers]


async def _get(client: httpx2.AsyncClient, tenant: Tenant, path: str) -> httpx2.Response:
    return await client.get(f"/api{path}", headers={"X-API-Key": tenant.key})
