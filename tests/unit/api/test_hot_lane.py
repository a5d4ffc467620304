"""The lane of the hot routes answers as the router would."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from api.hot_lane import HotLane
from tests.unit.api.fakes import EXECUTION_ID, FakeEngine


async def show(request: Request) -> Response:
    return PlainTextResponse(f"lane {request.path_params.get('id', '')}")


async def other(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("router")(scope, receive, send)


LANE = HotLane(
    other,
    routes=[("/things", "POST", show), ("/things/{id}", "GET", show), ("/things/{id}/runs", "POST", show)],
)


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("POST", "/things", "lane "),
        ("GET", "/things/7", "lane 7"),
        ("GET", "/things/a%20b", "lane a b"),
        ("GET", "/things", "router"),
        ("GET", "/things/", "router"),
        ("GET", "/things/7/parts", "router"),
        ("PUT", "/things/7", "router"),
        ("POST", "/things/7/runs", "lane 7"),
        ("POST", "/things/runs", "router"),
        ("POST", "/things//runs", "router"),
        ("POST", "/things/7/runs/", "router"),
        ("POST", "/things/7/parts/runs", "router"),
        ("GET", "/things/7/runs", "router"),
    ],
)
async def test_only_what_is_hot_takes_the_lane(method: str, path: str, answer: str) -> None:
    transport: Any = httpx2.ASGITransport(app=LANE)
    async with httpx2.AsyncClient(transport=transport, base_url="http://headrace") as client:
        assert (await client.request(method, path)).text == answer


async def test_below_another_path_the_router_answers() -> None:
    transport: Any = httpx2.ASGITransport(app=LANE, root_path="/engine")
    async with httpx2.AsyncClient(transport=transport, base_url="http://headrace") as client:
        assert (await client.get("/things/7")).text == "router"


async def test_errors_find_the_handlers_of_the_app(client: httpx2.AsyncClient, fake: FakeEngine) -> None:
    unknown = await client.get("/workflows/unknown")
    fake.fail_with = OSError("away")
    away = await client.get(f"/workflows/{EXECUTION_ID}")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "EXECUTION_NOT_FOUND")
    assert (away.status_code, away.json()["code"]) == (503, "STORE_UNAVAILABLE")
    assert away.headers["X-Request-ID"] == away.json()["request_id"]


async def test_a_method_that_a_hot_route_lacks_is_405(client: httpx2.AsyncClient) -> None:
    answer = await client.put("/workflow")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
