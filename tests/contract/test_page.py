"""The page: its shell at every page path, its files, what it asks for first, and sessions instead of keys."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from config import ROOT, Settings
from main import create_app
from tests.contract.calls import A_KEY
from tests.contract.two_tenants import OPERATOR_KEY, TwoTenants, two_tenants
from tests.serving import serving_app

UI = ROOT / "ui"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types headrace-templates"
)
PAGES = (
    "/", "/ui", "/ui/", "/ui/runs/018f0000-0000-7000-8000-000000000000", "/ui/runs/compare?a=1&b=2&a=3",
    "/ui/workflows/a%20b", "/ui/edit?run=1&node=2", "/ui/no/such/page", "/ui/sessions", "/ui/runs/a.js",
)  # fmt: skip
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
async def tenants(redis_url: str) -> AsyncIterator[TwoTenants]:
    async with two_tenants(redis_url) as made:
        yield made


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_path_has_the_shell(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.text == (await client.get("/")).text
    assert '<meta name="root-path" content="">' in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ui/session", 405),
        ("GET", "/ui/session/x", 404),
        ("GET", "/ui/static", 404),
        ("GET", "/ui/static/", 404),
        ("GET", "/ui/static/no_such.js", 404),
        ("GET", "/ui/static/../../config.py", 404),
        ("GET", "/ui/static/%2e%2e/config.py", 404),
        ("GET", "/ui/static/..%2fmain.py", 404),
        ("GET", "/ui/context/x", 404),
        ("POST", "/ui/context", 405),
        ("POST", "/ui/runs", 405),
        ("POST", "/", 405),
        ("GET", "/page.js", 404),
        ("GET", "/runs", 404),
    ],
)
async def test_what_is_no_page_fails_as_a_native_call(
    client: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_every_file_of_the_page_is_served_as_it_is(client: httpx2.AsyncClient) -> None:
    kinds = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
    paths = [path for path in sorted(UI.rglob("*")) if path.suffix in kinds]

    assert paths
    for path in paths:
        answer = await client.get(f"/ui/static/{path.relative_to(UI)}")

        assert answer.content == path.read_bytes(), path
        assert answer.headers["content-type"].partition(";")[0] == kinds[path.suffix]
        assert answer.headers["content-security-policy"] == POLICY


async def test_all_that_the_shell_names_is_served(client: httpx2.AsyncClient) -> None:
    shell = (await client.get("/")).text
    named = re.findall(r'(?:href|src)="([^"]+)"', shell)

    assert '<script type="module" src="/ui/static/main.js">' in shell
    assert '<link rel="modulepreload" href="/ui/static/main.js">' in shell
    for path in named:
        assert path.startswith("/ui/static/")
        assert (await client.get(path)).status_code == 200, path


@pytest.mark.parametrize("encoding", ["identity", "gzip, deflate, br, zstd"])
@pytest.mark.parametrize("path", ["/", "/ui/static/index.html"])
async def test_what_a_browser_has_is_not_sent_again(
    client: httpx2.AsyncClient, path: str, encoding: str
) -> None:
    accepted = {"Accept-Encoding": encoding}
    first = await client.get(path, headers=accepted)
    tag = first.headers["etag"]
    again = await client.get(path, headers=accepted | {"If-None-Match": f'"other", W/{tag}'})
    another = await client.get(path, headers=accepted | {"If-None-Match": '"other"'})

    assert re.fullmatch(r'"[0-9a-f]{32}(-gzip)?"', tag)
    assert ("gzip" in tag) == (encoding != "identity")
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "no-cache"
    assert another.status_code == 200


@pytest.mark.parametrize(
    ("accepted", "is_zipped"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("identity", False), ("gzip;q=0", False),
     ("", False)],
)  # fmt: skip
async def test_files_are_compressed_for_those_who_take_that(
    client: httpx2.AsyncClient, accepted: str, is_zipped: bool
) -> None:
    async with client.stream("GET", "/", headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    plain = await client.get("/", headers=PLAIN)

    assert answer.headers.get("content-encoding") == ("gzip" if is_zipped else None)
    assert (gzip.decompress(raw) if is_zipped else raw) == plain.content
    assert answer.headers["vary"] == "Accept-Encoding"
    # Other bytes, another strong tag.
    assert (answer.headers["etag"] == plain.headers["etag"]) is not is_zipped


async def test_behind_a_prefix_the_shell_names_its_files_there(redis_url: str) -> None:
    settings = Settings(redis_url=redis_url, root_path="/flows/", _env_file=None)
    async with serving_app(create_app(settings)) as client:
        shell = await client.get("/ui/runs")
        context = await client.get("/ui/context")
        document = await client.get("/openapi.json")
        opened = await client.delete("/ui/session")

    assert '<meta name="root-path" content="/flows">' in shell.text
    assert 'src="/flows/ui/static/main.js"' in shell.text
    assert '"/ui/' not in shell.text
    assert context.json()["root_path"] == "/flows"
    assert document.json()["servers"] == [{"url": "/flows"}]
    assert "Path=/flows;" in opened.headers["set-cookie"]


async def test_behind_a_prefix_answers_point_below_it(redis_url: str) -> None:
    settings = Settings(redis_url=redis_url, root_path="/flows", _env_file=None)
    definition = {"name": "x", "nodes": [{"id": "a", "handler": "transform", "config": {"output": 1}}]}
    async with serving_app(create_app(settings)) as client:
        started = [await client.post("/v1/executions", json={"definition": definition}) for _ in range(2)]
        page = await client.get("/v1/executions?limit=1")
        moved = await client.get("/v1/executions/")

    assert started[0].headers["location"] == f"/flows/v1/executions/{started[0].json()['execution_id']}"
    assert page.headers["link"].startswith("</flows/v1/executions?")
    assert moved.headers["location"].endswith("/flows/v1/executions")


async def test_shell_and_files_are_public_and_the_rest_needs_the_session(tenants: TwoTenants) -> None:
    client = tenants.client
    public = [await client.get(path) for path in ("/", "/ui/runs", "/ui/static/main.js", "/ui/context")]
    refused = await client.get("/v1/executions")
    opened = await client.post("/ui/session", json={"key": tenants.keys["run"]})
    cookie = {"Cookie": opened.headers["Set-Cookie"].partition(";")[0]}
    client.cookies.clear()
    listed = await client.get("/v1/executions", headers=cookie)
    context = (await client.get("/ui/context", headers=cookie)).json()

    assert [answer.status_code for answer in public] == [200] * 4
    assert public[-1].json()["identity"] is None
    assert public[-1].json()["needs_key"] is True
    assert (refused.status_code, opened.status_code, listed.status_code) == (401, 204, 200)
    assert context["identity"] == {"tenant": "acme", "scopes": ["read", "run"], "is_operator": False}


@pytest.mark.parametrize(
    "marks",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://headrace:9"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_session_moves_nothing_for_pages_of_other_sites(
    tenants: TwoTenants, marks: dict[str, str]
) -> None:
    client = tenants.client
    opened = await client.post("/ui/session", json={"key": tenants.keys["acme"]})
    cookie = {"Cookie": opened.headers["Set-Cookie"].partition(";")[0]}
    client.cookies.clear()
    mine = {"Origin": "http://headrace", "Sec-Fetch-Site": "same-origin"}

    foreign = await client.post("/v1/keys", json={"name": "x"}, headers=cookie | marks)
    own = await client.post("/v1/keys", json={"name": "x"}, headers=cookie | mine)

    assert (foreign.status_code, foreign.json()["code"]) == (403, "CROSS_SITE_REQUEST")
    assert own.status_code == 201
    assert "samesite=strict" in opened.headers["Set-Cookie"].lower()
    assert "httponly" in opened.headers["Set-Cookie"].lower()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": A_KEY}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"},
        {"Cookie": "headrace_session=" + "A" * 43}, {"Cookie": "headrace_session=x"},
    ],
)  # fmt: skip
async def test_the_context_never_fails_for_a_key_that_is_not_good(
    client: httpx2.AsyncClient, tenants: TwoTenants, headers: dict[str, str]
) -> None:
    for each, needs_key in ((client, False), (tenants.client, True)):
        answer = await each.get("/ui/context", headers=headers)

        assert answer.status_code == 200
        assert answer.json()["identity"] is None
        assert answer.json()["needs_key"] is needs_key


async def test_the_context_says_where_the_page_is_and_who_is_before_it(
    client: httpx2.AsyncClient, tenants: TwoTenants
) -> None:
    answer = await client.get("/ui/context")
    operator = await tenants.client.get("/ui/context", headers={"X-API-Key": OPERATOR_KEY})

    everything = {"tenant": "default", "scopes": ["read", "run", "admin"], "is_operator": True}
    assert answer.json() == {
        "environment": "development", "version": "0.1.0", "needs_key": False, "demo": False,
        "identity": everything, "root_path": "",
    }  # fmt: skip
    assert answer.headers["cache-control"] == "no-store"
    assert operator.json()["identity"] == {"tenant": None, "scopes": [], "is_operator": True}


async def test_a_tenant_that_is_switched_off_is_nobody_to_the_page(tenants: TwoTenants) -> None:
    operator = {"X-API-Key": OPERATOR_KEY}
    await tenants.client.patch("/v1/tenants/bolt", json={"is_active": False}, headers=operator)

    answer = await tenants.client.get("/ui/context", headers={"X-API-Key": tenants.keys["bolt"]})

    assert (answer.status_code, answer.json()["identity"]) == (200, None)


def test_only_the_root_and_paths_below_ui_are_the_pages() -> None:
    app: FastAPI = create_app(Settings(_env_file=None))
    found = {
        route.path
        for included in app.routes
        for route in getattr(getattr(included, "original_router", None), "routes", [included])
        if isinstance(route, APIRoute) and (route.operation_id or "").startswith("page_")
    }

    assert found == {"/", "/ui", "/ui/{path:path}", "/ui/static/{name:path}"}
