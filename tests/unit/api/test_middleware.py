"""Every request has an id, no body is read beyond its limit, and HEAD is answered wherever GET is."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from api import routers
from api.request_guard import RequestGuard
from api.streaming.hub import Hub
from orchestrator.documents.limits import Limits
from tests.unit.api.fakes import EXECUTION_ID, FakeEngine


async def pieces(count: int, size_bytes: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * size_bytes


@pytest.mark.parametrize(
    ("path", "limit_bytes"), [("/workflow", 20_000), (f"/workflow/trigger/{EXECUTION_ID}", 2_000)]
)
async def test_oversize_body_is_413_naming_the_limit(
    client: httpx2.AsyncClient, fake: FakeEngine, path: str, limit_bytes: int
) -> None:
    answer = await client.post(path, content=b" " * (limit_bytes + 1))

    assert answer.status_code == 413
    assert answer.json()["limit_bytes"] == limit_bytes
    assert f"{limit_bytes:,} bytes" in answer.json()["detail"]
    assert fake.calls.total() == 0


@pytest.mark.parametrize("path", ["/workflow", "/v1/executions", f"/v1/executions/{EXECUTION_ID}/cancel"])
async def test_body_without_a_length_is_cut_off_while_it_streams(
    client: httpx2.AsyncClient, fake: FakeEngine, path: str
) -> None:
    answer = await client.post(path, content=pieces(30, 1_000))

    assert answer.status_code == 413
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert fake.calls.total() == 0


async def test_request_id_is_echoed(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health", headers={"X-Request-ID": "trace-1"})

    assert answer.headers["x-request-id"] == "trace-1"


@pytest.mark.parametrize("given", ["", "a b", "é", "x" * 200, 'a"b'])
async def test_unfit_request_id_is_replaced(client: httpx2.AsyncClient, given: str) -> None:
    answer = await client.get("/health", headers={b"X-Request-ID": given.encode("latin-1")})

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 24


@pytest.mark.parametrize("path", ["/health", "/v1/executions", f"/workflows/{EXECUTION_ID}", "/openapi.json"])
async def test_head_is_get_without_a_body(client: httpx2.AsyncClient, path: str) -> None:
    got, asked = await client.get(path), await client.head(path)

    assert asked.status_code == 200
    assert asked.content == b""
    assert asked.headers["content-length"] == got.headers["content-length"]
    assert asked.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "status"), [("/workflow", 405), ("/nowhere", 404), ("/workflows/unknown", 404)]
)
async def test_head_fails_as_get_does(client: httpx2.AsyncClient, path: str, status: int) -> None:
    answer = await client.head(path)

    assert answer.status_code == (await client.get(path)).status_code == status
    assert answer.content == b""


async def test_head_of_a_stream_is_its_headers_and_no_watcher_stays(
    client: httpx2.AsyncClient, fake: FakeEngine, hub: Hub
) -> None:
    fake.record("execution.started")

    answer = await client.head(f"/v1/executions/{EXECUTION_ID}/events")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == b""
    assert hub.watchers == 0


async def test_pages_of_an_origin_that_is_set_may_ask_and_read() -> None:
    app, origin = FastAPI(), "https://app.example.com"
    routers.install(app, Limits(), guard=RequestGuard(origins=[origin]))
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    transport: Any = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://headrace") as client:
        preflight = await client.request("OPTIONS", "/v1/executions", headers=asked)
        read = await client.get("/livez", headers={"Origin": origin})
        foreign = await client.get("/livez", headers={"Origin": "https://evil.example"})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert read.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-origin" not in foreign.headers
