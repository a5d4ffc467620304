"""Tenants and keys: registered once, known by the key, closed where the deployment says so."""

from __future__ import annotations

import re

import httpx2
import pytest

from api.dialects.automation import DIALECT
from api.owners import RouteOwner
from tests.contract.automation.automation_over_http import register, serving
from tests.contract.house import operations
from tests.makers import Rig, WorkerFleet

UNKNOWN = "00000000-0000-7000-8000-000000000000"
#: Every call that needs a key.
CALLS = [
    ("GET", "/tenants/me"),
    ("POST", "/workflows"),
    ("GET", "/workflows"),
    ("GET", "/workflows/wf_x"),
    ("PUT", "/workflows/wf_x"),
    ("DELETE", "/workflows/wf_x"),
    ("POST", "/workflows/wf_x/execute"),
    ("GET", "/executions"),
    ("GET", f"/executions/{UNKNOWN}"),
    ("POST", f"/executions/{UNKNOWN}/cancel"),
    ("POST", f"/executions/{UNKNOWN}/replay"),
    ("GET", f"/executions/{UNKNOWN}/logs"),
    ("GET", f"/executions/{UNKNOWN}/stream"),
    ("GET", "/metrics/executions"),
]
#: Those of them that change something, and the scope that a key lacks.
CHANGES = [
    ("POST", "/workflows", "run"),
    ("PUT", "/workflows/wf_x", "run"),
    ("DELETE", "/workflows/wf_x", "run"),
    ("POST", "/workflows/wf_x/execute", "read"),
    ("POST", f"/executions/{UNKNOWN}/cancel", "read"),
    ("POST", f"/executions/{UNKNOWN}/replay", "read"),
]
#: What is too small for a call, by whose it is.
SMALLER = {RouteOwner.RUN: "read", RouteOwner.ADMIN: "run"}


def test_every_call_that_needs_a_key_is_played() -> None:
    names = {"workflow_id": "wf_x", "execution_id": UNKNOWN}
    owners = {
        (method, path.removeprefix("/api").format(**names)): DIALECT.owners[operation]
        for operation, (method, path) in operations(DIALECT.owners).items()
    }

    assert len(owners) == len(DIALECT.owners)
    keyed = {call for call, owner in owners.items() if owner in (RouteOwner.READ, *SMALLER)}
    assert set(CALLS) == keyed
    assert owners.keys() - keyed == {("POST", "/tenants/register"), ("GET", "/health")}
    assert set(CHANGES) == {(*call, SMALLER[owners[call]]) for call in keyed if owners[call] in SMALLER}


async def test_a_tenant_is_registered_with_a_key_that_is_shown_once(redis_url: str) -> None:
    async with serving(redis_url) as client:
        answer = await client.post("/api/tenants/register", json={"name": "My Project"})

        assert answer.status_code == 201
        made = answer.json()
        assert made.keys() == {"id", "name", "api_key"}
        assert re.fullmatch(r"wae_live_[0-9a-f]{32}", made["api_key"])
        assert re.fullmatch(r"my-project-[a-z0-9]{8}", made["id"])
        me = await client.get("/api/tenants/me", headers={"X-API-Key": made["api_key"]})
        assert me.status_code == 200
        assert me.json() == {
            "id": made["id"],
            "name": "My Project",
            "is_active": True,
            "created_at": me.json()["created_at"],
        }
        assert made["api_key"] not in me.text


async def test_equal_names_are_two_tenants(redis_url: str) -> None:
    async with serving(redis_url) as client:
        first, second = await register(client), await register(client)

        assert first.id != second.id
        assert first.key != second.key


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "   "}, {"name": 7}, {"nam": "x"}])
async def test_a_tenant_without_a_name_is_refused(redis_url: str, body: dict[str, object]) -> None:
    async with serving(redis_url) as client:
        answer = await client.post("/api/tenants/register", json=body)

        assert answer.status_code == 422
        error = answer.json()["error"]
        assert answer.json().keys() == {"error"}
        assert error.keys() == {"code", "message", "details"}
        assert error["code"] == "VALIDATION_ERROR"
        assert "name" in error["message"]


@pytest.mark.parametrize("settings", [{}, {"operator_key": "0123456789abcdef"}])
async def test_registration_may_be_closed(redis_url: str, settings: dict[str, str]) -> None:
    async with serving(redis_url, self_registration_enabled=False, **settings) as client:
        answer = await client.post("/api/tenants/register", json={"name": "x"})

        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "REGISTRATION_DISABLED"


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_every_call_needs_a_key_also_in_development(redis_url: str, method: str, path: str) -> None:
    async with serving(redis_url) as client:
        missing = await client.request(method, f"/api{path}", json={})
        for key in ("wae_live_" + "0" * 32, "hr_aaaaaaaa_" + "x" * 43, "nonsense"):
            wrong = await client.request(method, f"/api{path}", json={}, headers={"X-API-Key": key})

            assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "INVALID_API_KEY")
        assert (missing.status_code, missing.json()["error"]["code"]) == (401, "INVALID_API_KEY")
        assert missing.json()["error"]["details"] == []


@pytest.mark.parametrize(("method", "path", "scope"), CHANGES)
async def test_a_key_opens_what_its_scope_says(
    redis_url: str, rig: Rig, method: str, path: str, scope: str
) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        made = await client.post(
            "/v1/keys", json={"name": "ci", "scopes": [scope]}, headers={"X-API-Key": tenant.key}
        )
        headers = {"X-API-Key": made.json()["key"]}

        answer = await client.request(method, f"/api{path}", json={}, headers=headers)

        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "SCOPE_MISSING")


async def test_a_disabled_tenant_is_refused(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        await client.patch(f"/v1/tenants/{tenant.id}", json={"is_active": False})

        for method, path in CALLS:
            answer = await client.request(method, f"/api{path}", json={}, headers={"X-API-Key": tenant.key})

            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "TENANT_DISABLED"), path


async def test_what_is_another_tenants_is_unknown(redis_url: str) -> None:
    async with serving(redis_url) as client:
        mine, other = await register(client, "Mine"), await register(client, "Other")
        workflow = await mine.create({"id": "a", "type": "transform", "config": {"expression": "x"}})
        execution_id = await mine.execute(workflow)
        paths = [
            ("GET", f"/workflows/{workflow['id']}"),
            ("PUT", f"/workflows/{workflow['id']}"),
            ("DELETE", f"/workflows/{workflow['id']}"),
            ("POST", f"/workflows/{workflow['id']}/execute"),
            ("GET", f"/executions/{execution_id}"),
            ("POST", f"/executions/{execution_id}/cancel"),
            ("POST", f"/executions/{execution_id}/replay"),
            ("GET", f"/executions/{execution_id}/logs"),
            ("GET", f"/executions/{execution_id}/stream"),
        ]

        for method, path in paths:
            answer = await other.call(method, path, 404, json={})

            assert answer["error"]["code"] == "NOT_FOUND"
        assert (await other.call("GET", "/workflows", 200)) == {"workflows": [], "cursor": None}
        assert (await other.call("GET", "/executions", 200)) == {"executions": [], "cursor": None}
        assert (await other.call("GET", "/metrics/executions", 200))["total"] == 0
        assert (await mine.call("GET", f"/workflows/{workflow['id']}", 200)) == workflow


async def test_every_failure_on_its_paths_has_its_form(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        headers = {"X-API-Key": tenant.key}
        answers: dict[str, httpx2.Response] = {
            "NOT_FOUND": await client.get("/api/nothing", headers=headers),
            "METHOD_NOT_ALLOWED": await client.delete("/api/workflows", headers=headers),
            "PAYLOAD_TOO_LARGE": await client.post(
                "/api/workflows", content=b"x" * (1024 * 1024 + 1), headers=headers
            ),
            "UNSUPPORTED_MEDIA_TYPE": await client.post(
                "/api/workflows", content=b"x", headers=headers | {"Content-Type": "text/plain"}
            ),
            "VALIDATION_ERROR": await client.get("/api/executions?limit=0", headers=headers),
        }

        for code, answer in answers.items():
            assert answer.json().keys() == {"error"}, answer.text
            assert answer.json()["error"]["code"] == code
            assert isinstance(answer.json()["error"]["details"], list)
        assert [answer.status_code for answer in answers.values()] == [404, 405, 413, 415, 422]


async def test_health_needs_no_key_and_counts_workers(redis_url: str, fleet: WorkerFleet) -> None:
    async with serving(redis_url) as client:
        alone = await client.get("/api/health")
        await fleet.start()
        together = await client.get("/api/health")

        assert alone.json() == {"status": "degraded", "pg": True, "redis": True, "workers": 0}
        assert together.json() == {"status": "ok", "pg": True, "redis": True, "workers": 1}
