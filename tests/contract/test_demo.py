"""The demo's routes: there in development while the demo is on, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.demo import routes
from api.demo.service import DemoService
from api.owners import OWNERS
from config import Settings
from main import create_app
from tests.contract.two_tenants import CLOSED
from tests.makers import Rig
from tests.own_handlers import loaded
from tests.serving import serving_app

PATHS = (
    ("GET", "/demo/weather?city=Cairo"), ("GET", "/demo/flaky"), ("POST", "/demo/fix"),
    ("GET", "/demo/inbox"), ("POST", "/demo/inbox"), ("POST", "/demo/start"), ("POST", "/demo/workers/kill"),
)  # fmt: skip


@pytest.fixture
async def demo(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx2.AsyncClient]:
    """An API with the demo on, whose weather comes at once."""
    monkeypatch.setattr(routes, "SERVICE", DemoService())
    monkeypatch.setattr(DemoService, "pause_s", lambda self: 0.0)
    with loaded("examples.handlers"):
        async with serving_app(create_app(Settings(redis_url=redis_url, demo=True, _env_file=None))) as made:
            yield made


@pytest.mark.parametrize(
    "settings",
    [{"demo": False}, {"demo": True, "environment": "production", "operator_key": "the-operators-own-key"}],
)
async def test_without_the_demo_and_in_production_no_route_of_it_is_there(
    redis_url: str, settings: dict[str, Any]
) -> None:
    app = create_app(Settings(redis_url=redis_url, _env_file=None, **settings))
    headers = {"X-API-Key": "the-operators-own-key"} if "operator_key" in settings else {}
    async with serving_app(app) as client:
        answers = [await client.request(method, path, headers=headers) for method, path in PATHS]
        context = await client.get("/ui/context")

    assert {answer.status_code for answer in answers} == {404}
    assert context.json()["demo"] is False
    assert not [path for path in paths_of(app) if path.startswith("/demo/")]


def test_every_route_of_the_demo_has_an_owner_and_every_owner_a_route() -> None:
    app = create_app(Settings(demo=True, _env_file=None))

    assert {path for path in paths_of(app) if path.startswith("/demo/")} == {
        path.partition("?")[0] for _, path in PATHS
    }
    names = {route.operation_id for route in routes.router.routes if isinstance(route, APIRoute)}
    assert names == set(routes.OWNERS)
    assert not names & set(OWNERS)


def test_the_demo_is_not_in_the_document() -> None:
    app = create_app(Settings(demo=True, _env_file=None))

    assert not [path for path in app.openapi()["paths"] if path.startswith("/demo/")]


async def test_the_service_answers_as_the_workflow_needs_it(demo: httpx2.AsyncClient) -> None:
    weather = await demo.get("/demo/weather", params={"city": "Cairo", "run": "one", "fail": "false"})
    fares = [await demo.get("/demo/flaky", params={"run": "one"}) for _ in range(3)]
    broken = await demo.get("/demo/weather", params={"city": "Oslo", "run": "one", "fail": "true"})
    mended = await demo.post("/demo/fix")
    after = await demo.get("/demo/weather", params={"city": "Oslo", "run": "one", "fail": "true"})
    sent = await demo.post("/demo/inbox", json={"n": 1}, headers={"webhook-id": "msg_1"})
    kept = await demo.get("/demo/inbox")

    assert (weather.status_code, weather.json()["city"]) == (200, "Cairo")
    assert [answer.status_code for answer in fares] == [503, 503, 200]
    assert [answer.headers.get("retry-after") for answer in fares] == ["2", "2", None]
    assert (broken.status_code, mended.json(), after.status_code) == (500, {"mended": 1}, 200)
    assert sent.status_code == 204
    assert kept.json()["items"][0]["body"] == {"n": 1}
    assert (await demo.get("/ui/context")).json()["demo"] is True


async def test_a_start_registers_the_workflow_once_and_can_go_on_with_what_has_not_ended(
    demo: httpx2.AsyncClient,
) -> None:
    first = await demo.post("/demo/start", json={"go_on": True})
    again = await demo.post("/demo/start", json={"go_on": True})
    failing = await demo.post("/demo/start", json={"fail": True})
    await demo.post(f"/v1/executions/{failing.json()['execution_id']}/cancel", json={"grace": 0})
    await demo.post(f"/v1/executions/{first.json()['execution_id']}/cancel", json={"grace": 0})
    third = await demo.post("/demo/start", json={"go_on": True})
    workflow = await demo.get("/v1/workflows/trip-report")
    view = (await demo.get(f"/v1/executions/{failing.json()['execution_id']}")).json()

    execution_id = first.json()["execution_id"]
    assert (first.status_code, first.json()["existing"]) == (202, False)
    assert (again.status_code, again.json()) == (200, {"execution_id": execution_id, "existing": True})
    assert len({answer.json()["execution_id"] for answer in (first, failing, third)}) == 3
    assert workflow.json()["version"] == 1
    assert view["inputs"]["fail"] is True and len(view["inputs"]["cities"]) == 12
    # Nine of them run, and of summarise and stay_home one is skipped.
    assert len(view["nodes"]) == 10


async def test_a_changed_workflow_is_not_changed_back(demo: httpx2.AsyncClient) -> None:
    await demo.post("/demo/start")
    tag = (await demo.get("/v1/workflows/trip-report")).headers["etag"]
    changed = {"name": "trip-report", "nodes": [{"id": "only", "handler": "noop"}]}
    await demo.put("/v1/workflows/trip-report", json=changed, headers={"If-Match": tag})

    started = await demo.post("/demo/start")

    assert started.status_code == 202
    newest = (await demo.get("/v1/workflows/trip-report")).json()
    assert [node["id"] for node in newest["definition"]["nodes"]] == ["only"]


async def test_the_worker_that_runs_something_of_the_demo_is_killed(
    demo: httpx2.AsyncClient, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []

    def kill(found: object, busy: set[str]) -> str:
        asked.append(busy)
        return "worker-1"

    monkeypatch.setattr(routes, "kill_one", kill)
    before = await demo.post("/demo/workers/kill")
    await demo.post("/demo/start")
    assert "cities" in await rig.worker.start()
    answer = await demo.post("/demo/workers/kill")

    assert (before.json(), answer.json()) == ({"worker": "worker-1"}, {"worker": "worker-1"})
    assert asked == [set(), {rig.worker.worker_id}]


async def test_where_no_worker_can_be_killed_the_answer_says_so(demo: httpx2.AsyncClient) -> None:
    answer = await demo.post("/demo/workers/kill")

    assert answer.status_code == 409
    assert "no live worker was started by the stack" in answer.json()["detail"]


async def test_pages_of_other_sites_start_and_kill_nothing(demo: httpx2.AsyncClient) -> None:
    for path in ("/demo/start", "/demo/workers/kill", "/demo/fix"):
        answer = await demo.post(path, headers={"Origin": "https://evil.example"})

        assert answer.status_code == 403, path


async def test_where_keys_are_needed_the_demo_is_started_and_workers_are_killed_with_one(
    redis_url: str,
) -> None:
    async with serving_app(create_app(Settings(redis_url=redis_url, demo=True, **CLOSED))) as client:
        started, killed = await client.post("/demo/start"), await client.post("/demo/workers/kill")
        weather = await client.get("/demo/flaky")

    assert (started.status_code, killed.status_code, weather.status_code) == (401, 401, 503)


def paths_of(app: FastAPI) -> set[str]:
    return {
        route.path
        for included in app.routes
        for route in getattr(getattr(included, "original_router", None), "routes", [included])
        if isinstance(route, APIRoute)
    }
