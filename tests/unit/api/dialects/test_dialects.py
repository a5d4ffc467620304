"""What every dialect is given: routes with owners, its own form of failures, events in its own words."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from unittest.mock import AsyncMock

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response

from api import routers
from api.access import Reach, attach, reach_of
from api.auth import engine_of
from api.dialects import DIALECTS
from api.dialects.dialect import Dialect
from api.error_shapes import Failure
from api.owners import RouteOwner
from api.simulator_process import SimulatorProcess
from api.streaming.event_stream import RenderedStream
from api.streaming.hub import Hub
from orchestrator.documents.limits import Limits
from orchestrator.engine import Engine
from orchestrator.errors import StoreUnavailable
from tests.patience import PATIENCE_S
from tests.unit.api.fakes import EXECUTION_ID, FakeEngine
from tests.unit.api.streaming.watching import Client, until

router = APIRouter()


class Counting:
    """Numbers events, and leaves out log lines."""

    def __init__(self) -> None:
        self._count = 0

    def render(self, event: dict[str, Any]) -> bytes:
        if event["type"] == "node.log":
            return b""
        self._count += 1
        return f"{self._count} {event['type']}\n".encode()


@router.get("/toy/status/{execution_id}", operation_id="toy_status")
async def status(request: Request, execution_id: str) -> str:
    return str(await engine_of(request).executions.status(execution_id))


@router.get("/toy/size", operation_id="toy_size")
async def size(count: int) -> int:
    return count


@router.post("/toy/large", operation_id="toy_large")
async def large(request: Request) -> int:
    return len(await request.body())


@router.get("/toy/events/{execution_id}", operation_id="toy_events")
async def events(request: Request, execution_id: str) -> Response:
    hub = reach_of(request).hub
    return RenderedStream(hub, execution_id, after=0, renderer=Counting(), media_type="text/plain")


@router.get("/toy/names/{execution_id}", operation_id="toy_names")
async def names(request: Request, execution_id: str) -> Response:
    """Events worded by what is read before each of them."""
    engine, found = engine_of(request), dict[int, str]()

    class Naming:
        is_over = False

        def render(self, event: dict[str, Any]) -> bytes:
            return f"{event['seq']} {found[event['seq']]}\n".encode()

    async def look_up(event: dict[str, Any]) -> None:
        found[event["seq"]] = str(await engine.executions.status(event["execution_id"]))

    return RenderedStream(
        reach_of(request).hub,
        execution_id,
        after=0,
        renderer=Naming(),
        look_up=look_up,
        media_type="text/plain",
    )


class Oh(BaseModel):
    oh: str


def written(failure: Failure) -> tuple[int, Any]:
    return (418 if failure.status == 404 else failure.status), {"oh": failure.code}


def toy(*, needs_key: bool = False) -> Dialect:
    return Dialect(
        name="toy",
        router=router,
        owners=dict.fromkeys(
            ("toy_status", "toy_size", "toy_large", "toy_events", "toy_names"), RouteOwner.READ
        ),
        is_path=lambda path: path.startswith("/toy/"),
        write_failure=written,
        failure_model=Oh,
        definition_paths=frozenset({"/toy/large"}),
        needs_key=needs_key,
    )


def app_of(dialect: Dialect, fake: FakeEngine, hub: Hub) -> FastAPI:
    made = FastAPI(docs_url=None, redoc_url=None)
    routers.install(made, Limits(max_body_bytes=2_000, max_definition_bytes=20_000), dialects=[dialect])
    attach(made, Reach(cast(Engine, fake), hub, SimulatorProcess([], {})))
    return made


@pytest.fixture
def app(fake: FakeEngine, hub: Hub) -> FastAPI:
    return app_of(toy(), fake, hub)


def client_of(app: FastAPI) -> httpx2.AsyncClient:
    transport: Any = httpx2.ASGITransport(app=app)
    return httpx2.AsyncClient(transport=transport, base_url="http://headrace")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/toy/status/{EXECUTION_ID[:-1]}1", 418, "EXECUTION_NOT_FOUND"),
        ("GET", "/toy/nowhere", 418, "NOT_FOUND"),
        ("GET", "/toy/large", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/toy/size?count=many", 422, "REQUEST_INVALID"),
        ("POST", "/toy/status/x", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_failures_on_its_paths_have_its_own_form(
    app: FastAPI, method: str, path: str, status: int, code: str
) -> None:
    async with client_of(app) as client:
        answer = await client.request(method, path)
        native = await client.get("/nowhere")

    assert (answer.status_code, answer.json()) == (status, {"oh": code})
    assert answer.headers["content-type"] == "application/json"
    assert native.headers["content-type"] == "application/problem+json"


async def test_what_fails_before_its_route_has_its_form_too(app: FastAPI, fake: FakeEngine) -> None:
    fake.fail_with = KeyError("surprise")
    async with client_of(app) as client:
        large = await client.post("/toy/large", content=b"x" * 3_000)
        too_large = await client.post("/toy/large", content=b"x" * 30_000)
        crashed = await client.get(f"/toy/status/{EXECUTION_ID}")

    assert large.json() == 3_000
    assert (too_large.status_code, too_large.json()) == (413, {"oh": "BODY_TOO_LARGE"})
    assert (crashed.status_code, crashed.json()) == (500, {"oh": "INTERNAL"})


async def test_one_that_needs_keys_needs_them_where_nothing_else_does(fake: FakeEngine, hub: Hub) -> None:
    async with client_of(app_of(toy(needs_key=True), fake, hub)) as client:
        refused = await client.get(f"/toy/status/{EXECUTION_ID}")
        native = await client.get(f"/v1/executions/{EXECUTION_ID}")

    assert (refused.status_code, refused.json()) == (401, {"oh": "KEY_REQUIRED"})
    assert native.status_code == 200


async def test_events_are_replayed_and_followed_in_its_own_words(app: FastAPI, fake: FakeEngine) -> None:
    fake.record("execution.created")
    fake.record("node.log")
    client = Client(app, path=f"/toy/events/{EXECUTION_ID}")
    await until(lambda: client.body == b"1 execution.created\n")

    fake.record("node.started")
    fake.finish()
    await asyncio.wait_for(client.task, PATIENCE_S)

    assert client.body == b"1 execution.created\n2 node.started\n3 execution.completed\n"
    assert client.headers["content-type"].startswith("text/plain")
    assert client.is_over


async def test_what_words_need_is_read_before_each_event(app: FastAPI, fake: FakeEngine) -> None:
    fake.record("execution.created")
    fake.finish()
    client = Client(app, path=f"/toy/names/{EXECUTION_ID}")
    await asyncio.wait_for(client.task, PATIENCE_S)

    assert client.body == b"1 COMPLETED\n2 COMPLETED\n"
    assert client.is_over


async def test_a_stream_is_cut_where_that_cannot_be_read(app: FastAPI, fake: FakeEngine) -> None:
    fake.record("execution.created")
    client = Client(app, path=f"/toy/names/{EXECUTION_ID}")
    await until(lambda: client.body == b"1 RUNNING\n")

    fake.executions.status = AsyncMock(side_effect=StoreUnavailable("away"))
    fake.record("node.started")
    await asyncio.wait_for(client.task, PATIENCE_S)

    # Without an end the client knows that there is more, and comes back for it.
    assert client.body == b"1 RUNNING\n"
    assert not client.is_over


def test_its_failures_are_documented_in_its_form(app: FastAPI) -> None:
    promised = app.openapi()["paths"]["/toy/large"]["post"]["responses"]

    assert {"401", "403", "408", "415", "421", "422", "431", "default"} <= set(promised)
    assert promised["default"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Oh"}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_route_of_a_dialect_has_an_owner(dialect: Dialect) -> None:
    routes = {getattr(route, "operation_id", None) for route in dialect.router.routes}

    assert routes == set(dialect.owners)
    assert all(name.startswith(dialect.name) for name in dialect.owners)
