"""Who may call a workflow server: keys, scopes, tenants; its failures, and the server by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from api.dialects.workflow_server.router import CALLS, HEALTH
from api.owners import RouteOwner
from config import Settings
from main import workflow_server
from tests.contract.calls import A_KEY
from tests.contract.two_tenants import TwoTenants, two_tenants
from tests.contract.workflow_server.served import PREFIXES, SLOW, Served
from tests.serving import serving_app

BODIES: dict[str, Any] = {
    "run": {},
    "run_nowait": {},
    "send": {"event": {"type": "StreamEvent", "value": {"sequence": 1}}},
}
OWNED = [call for call in CALLS if call.owner is not RouteOwner.PUBLIC]
PUBLIC = [call for call in (HEALTH, *CALLS) if call.owner is RouteOwner.PUBLIC]


class Closed:
    """A server that asks for keys, with two tenants, and what the first one has."""

    def __init__(self, tenants: TwoTenants) -> None:
        self.client = tenants.client
        self.keys = tenants.keys
        self.names = {"name": "slow", "handler_id": ""}

    async def call(self, call: Any, key: str | None, prefix: str = "", query: str = "") -> httpx2.Response:
        headers = {} if key is None else {"X-API-Key": key}
        path = prefix + call.path.format(**self.names) + query
        return await self.client.request(call.method, path, json=BODIES.get(call.name), headers=headers)


@pytest.fixture
async def closed(redis_url: str) -> AsyncIterator[Closed]:
    async with two_tenants(redis_url) as tenants:
        made, client = Closed(tenants), tenants.client
        mine = {"X-API-Key": made.keys["acme"]}
        document = {"name": "slow", "nodes": [{"id": "A", "handler": "noop"}], "interface": {}}
        await client.put("/v1/workflows/slow", json=document, headers=mine)
        answer = await client.post("/workflows/slow/run-nowait", json={}, headers=mine)
        made.names["handler_id"] = answer.json()["handler_id"]
        yield made


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_without_a_key_and_with_a_bad_one_nothing_opens(closed: Closed, prefix: str) -> None:
    for call in OWNED:
        for key in (None, A_KEY, "nonsense"):
            answer = await closed.call(call, key, prefix)

            assert answer.status_code == 401, (call.name, key, answer.text)
            assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_too_small_a_scope_opens_nothing(closed: Closed, prefix: str) -> None:
    for call in OWNED:
        if call.owner is RouteOwner.RUN:
            answer = await closed.call(call, closed.keys["read"], prefix)

            assert answer.status_code == 403, (call.name, answer.text)
            assert set(answer.json()) == {"detail"}


async def test_removing_a_run_takes_the_scope_that_removes_executions(closed: Closed) -> None:
    (cancel,) = (call for call in CALLS if call.name == "cancel")

    refused = await closed.call(cancel, closed.keys["run"], query="?purge=true")
    there = await closed.client.get(
        f"/handlers/{closed.names['handler_id']}", headers={"X-API-Key": closed.keys["read"]}
    )
    cancelled = await closed.call(cancel, closed.keys["run"])
    removed = await closed.call(cancel, closed.keys["acme"], query="?purge=true")

    assert (refused.status_code, there.status_code) == (403, 202)
    assert [each.json() for each in (cancelled, removed)] == [{"status": "cancelled"}, {"status": "deleted"}]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_another_tenant_finds_nothing(closed: Closed, prefix: str) -> None:
    for call in OWNED:
        answer = await closed.call(call, closed.keys["bolt"], prefix)

        if "{" in call.path:
            what = "Workflow" if "{name}" in call.path else "Handler"
            assert (answer.status_code, answer.json()) == (404, {"detail": f"{what} not found"}), call.name
        else:
            assert answer.json() in ({"workflows": []}, {"handlers": []}), call.name
    taken = await closed.client.post(
        f"{prefix}/handlers/{closed.names['handler_id']}/cancel?purge=true",
        headers={"X-API-Key": closed.keys["bolt"]},
    )
    assert taken.status_code == 404


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_health_and_the_page_need_no_key(closed: Closed, prefix: str) -> None:
    for call in PUBLIC:
        answer = await closed.client.get(prefix + call.path)

        assert answer.status_code == 200, call.name


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/llama/nope", 404, "Not Found"),
        ("GET", "/handlers/a/b/c", 404, "Not Found"),
        ("DELETE", "/handlers", 405, "DELETE is not possible on /handlers; allowed: GET, HEAD"),
        ("PUT", "/workflows/greet/run", 405, "PUT is not possible on /workflows/greet/run; allowed: POST"),
        ("PATCH", "/llama/", 405, "PATCH is not possible on /llama/; allowed: GET, HEAD"),
    ],
)
async def test_failures_have_the_form_of_this_contract(
    served: Served, method: str, path: str, status: int, detail: str
) -> None:
    answer = await served.client.request(method, path)

    assert (answer.status_code, answer.json()) == (status, {"detail": detail})
    assert answer.headers["content-type"] == "application/json"


async def test_what_is_refused_before_its_route_has_that_form_too(served: Served) -> None:
    large = await served.client.post("/workflows/quick/run", content=b"x" * (1024 * 1024 + 1))
    kind = await served.client.post(
        "/workflows/quick/run", content=b"x", headers={"Content-Type": "text/csv"}
    )
    foreign = await served.client.post(
        "/workflows/quick/run", json={}, headers={"Origin": "https://evil.example"}
    )

    assert [answer.status_code for answer in (large, kind, foreign)] == [413, 415, 403]
    assert all(set(answer.json()) == {"detail"} for answer in (large, kind, foreign))


async def test_native_routes_beside_it_stay_as_they_are(served: Served) -> None:
    handler_id = await served.finished("quick")

    status = await served.client.get(f"/workflows/{handler_id}")
    results = await served.client.get(f"/workflows/{handler_id}/results")
    unknown = await served.client.get("/workflows/quick")

    assert status.json() == {"execution_id": handler_id, "status": "COMPLETED"}
    assert set(results.json()["results"]) == {"e0", "e1", "e2"}
    assert unknown.headers["content-type"] == "application/problem+json"


async def test_it_is_served_by_itself(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("main.get_settings", lambda: Settings(redis_url=redis_url))
    async with serving_app(workflow_server()) as client:
        health, listed = await client.get("/health"), await client.get("/workflows")
        page = await client.get("/")
        started = await client.post("/workflows/human/run-nowait", json={})
        handler_id = started.json()["handler_id"]
        looked_at = await client.get(f"/handlers/{handler_id}")
        native = [
            await client.get(path) for path in ("/v1/executions", f"/workflows/{handler_id}", "/llama/health")
        ]
        submitted = await client.post("/workflow", json=SLOW)

    assert health.json() == {"status": "healthy"}
    assert listed.json() == {"workflows": ["greet", "human"]}
    assert page.status_code == 200
    assert (started.status_code, looked_at.status_code) == (200, 202)
    # Every path is its own: what the native contract has there is not found, in this one's words.
    for answer in (*native, submitted):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
