"""Who may ask `/mcp` for what: keys, scopes, tenants, pages of other sites, sizes, settings."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("mcp", reason="pip install -r requirements-mcp.lock")

import httpx2
from fastapi import FastAPI
from mcp_types import METHOD_NOT_FOUND

from api.mcp import door
from api.mcp.server import TOOLS
from api.owners import OWNERS, RouteOwner
from config import Settings
from main import create_app
from orchestrator.errors import ConfigError
from tests.contract.calls import A_KEY
from tests.contract.mcp.agents import NO_FILES, Agent, agent, served, watchers
from tests.contract.samples import node, workflow
from tests.contract.two_tenants import CLOSED, OPERATOR_KEY
from tests.makers import until
from tests.serving import serving_app
from tests.source_tree import ROOT

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
WAITS = workflow(node("D", handler="delay", config={"seconds": 3600}))
READS = {name for name, tool in TOOLS.items() if tool.owner is RouteOwner.READ}


@dataclass
class Closed:
    """An API that asks for keys. keys: `acme` and `bolt` open all of a tenant, `read` that much of acme."""

    app: FastAPI
    address: str
    http: httpx2.AsyncClient
    keys: dict[str, str]


@pytest.fixture
async def closed(redis_url: str) -> AsyncIterator[Closed]:
    app = create_app(Settings(redis_url=redis_url, workflows_dir=NO_FILES, **CLOSED))
    async with served(app) as address, httpx2.AsyncClient(base_url=address) as http:
        keys = {}
        for tenant in ("acme", "bolt"):
            headers = {"X-API-Key": OPERATOR_KEY}
            answer = await http.post("/v1/tenants", json={"name": tenant}, headers=headers)
            keys[tenant] = answer.json()["api_key"]["key"]
        headers = {"X-API-Key": keys["acme"]}
        answer = await http.post("/v1/keys", json={"name": "read", "scopes": ["read"]}, headers=headers)
        keys |= {"read": answer.json()["key"], "read_id": answer.json()["key_id"]}
        yield Closed(app, address, http, keys)


async def test_a_key_of_too_small_a_scope_is_refused(closed: Closed) -> None:
    async with agent(closed.address, closed.keys["read"]) as reader:
        listed = await reader.tools()
        refused = {name: await reader.refused(name) for name in TOOLS.keys() - READS}
        runs = await reader.call("list_runs")

    assert listed == READS
    assert {problem["code"] for problem in refused.values()} == {"SCOPE_MISSING"}
    assert {problem["scope"] for problem in refused.values()} == {"run"}
    assert runs["items"] == []
    async with agent(closed.address, closed.keys["acme"]) as owner:
        assert await owner.tools() == set(TOOLS)


async def test_without_a_good_key_nothing_is_answered(closed: Closed) -> None:
    for key, code in (({}, "KEY_REQUIRED"), ({"X-API-Key": A_KEY}, "API_KEY_INVALID")):
        answer = await closed.http.post("/mcp", json=LIST, headers=HEADERS | key)

        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    operator = await closed.http.post("/mcp", json=LIST, headers=HEADERS | {"X-API-Key": OPERATOR_KEY})
    either = await closed.http.post("/mcp", json=LIST, headers=HEADERS | {"X-API-Key": closed.keys["read"]})
    assert (operator.status_code, operator.json()["code"]) == (403, "SCOPE_MISSING")
    assert either.status_code == 200


async def test_what_is_anothers_is_unknown_to_every_tool(closed: Closed) -> None:
    async with agent(closed.address, closed.keys["acme"]) as owner:
        execution_id = (await owner.call("start_workflow", definition=WAITS))["execution_id"]
        assert (await owner.call("get_run", execution_id=execution_id))["status"] == "RUNNING"
    more: dict[str, dict[str, Any]] = {
        "get_node": {"node_id": "D"},
        "get_output": {"node_id": "D"},
        "answer_approval": {"node_id": "D", "decision": "approve", "by": "eve", "shown": "x"},
        "send_signal": {"signal": "go"},
    }
    naming = [name for name, tool in TOOLS.items() if "execution_id" in tool.arguments.model_fields]
    async with agent(closed.address, closed.keys["bolt"]) as stranger:
        for name in naming:
            problem = await stranger.refused(name, execution_id=execution_id, **more.get(name, {}))
            assert (problem["status"], problem["code"]) == (404, "EXECUTION_NOT_FOUND"), name
        with pytest.raises(Exception, match="Execution ID not found"):
            await stranger.client.read_resource(f"headrace://runs/{execution_id}/definition")
        assert (await stranger.call("list_runs"))["items"] == []
    assert len(naming) == 8


async def test_a_key_that_is_revoked_ends_what_it_follows(closed: Closed) -> None:
    async with agent(closed.address, closed.keys["acme"]) as owner:
        execution_id = (await owner.call("start_workflow", definition=WAITS))["execution_id"]
    async with agent(closed.address, closed.keys["read"]) as reader:
        waiting = asyncio.create_task(
            reader.refused("wait_for_run", execution_id=execution_id, timeout_s=600)
        )
        await until(lambda: _follows(closed.app))

        path, headers = f"/v1/keys/{closed.keys['read_id']}", {"X-API-Key": closed.keys["acme"]}
        assert (await closed.http.delete(path, headers=headers)).status_code == 204
        problem = await waiting

    assert (problem["status"], problem["code"]) == (401, "API_KEY_INVALID")
    assert "run" not in problem


async def test_a_page_of_another_origin_is_refused(address: str, helper: Agent) -> None:
    call = LIST | {
        "method": "tools/call",
        "params": {"name": "start_workflow", "arguments": {"definition": WAITS}},
    }
    async with httpx2.AsyncClient(base_url=address, headers=HEADERS) as http:
        foreign = [
            await http.post("/mcp", json=call, headers=headers)
            for headers in (
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Origin": "http://127.0.0.1:1"},
            )
        ]
        rebound = await http.post("/mcp", json=call, headers={"Host": "evil.example"})
        form = await http.post("/mcp", content=b"{}", headers={"Content-Type": "text/plain"})
        before = await helper.call("list_runs")
        own = await http.post("/mcp", json=call, headers={"Origin": address})

    assert {(each.status_code, each.json()["code"]) for each in foreign} == {(403, "CROSS_SITE_REQUEST")}
    assert (rebound.status_code, rebound.json()["code"]) == (421, "UNKNOWN_HOST")
    assert form.status_code == 415
    assert before["items"] == []
    assert own.status_code == 200
    assert len((await helper.call("list_runs"))["items"]) == 1


async def test_bodies_are_bounded_in_size_and_depth(address: str) -> None:
    deep = (
        '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "send_signal", "arguments": '
    )
    deep += '{"execution_id": "x", "signal": "x", "payload": ' + "[" * 100 + "]" * 100 + "}}}"
    async with httpx2.AsyncClient(base_url=address, headers=HEADERS) as http:
        large = await http.post("/mcp", json=LIST | {"params": {"x": "x" * 2**20}})
        nested = await http.post("/mcp", content=deep, headers={"Content-Type": "application/json"})
        batch = await http.post("/mcp", json=[LIST])

    assert (large.status_code, large.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert "REQUEST_INVALID" in nested.text and "64" in nested.text
    assert batch.status_code == 400


async def test_only_post_is_served_and_there_are_no_sessions(address: str) -> None:
    async with httpx2.AsyncClient(base_url=address, headers=HEADERS) as http:
        for method in ("GET", "DELETE"):
            answer = await http.request(method, "/mcp")
            assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        first = await http.post("/mcp", json=LIST, headers={"Mcp-Session-Id": "of-another-process"})
        unknown = await http.post("/mcp", json=LIST | {"method": "tools/drop"})

    assert first.status_code == 200 and "mcp-session-id" not in first.headers
    assert str(METHOD_NOT_FOUND) in unknown.text


async def test_it_is_served_where_it_is_wanted(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    common: dict[str, Any] = {"redis_url": redis_url, "workflows_dir": NO_FILES, "auth_required": False}
    for settings, status in (
        ({}, 200),
        ({"mcp": False}, 404),
        ({"environment": "production"}, 404),
        ({"environment": "production", "mcp": True}, 200),
        ({"root_path": "/flows"}, 200),
        ({"cors_origins": "https://app.example.com"}, 200),
    ):
        async with serving_app(create_app(Settings(**common, **settings))) as client:
            answer = await client.post("/mcp", json=LIST, headers=HEADERS)
            assert answer.status_code == status, settings

    monkeypatch.setattr(door, "is_installed", lambda: False)
    async with serving_app(create_app(Settings(**common))) as client:
        assert (await client.post("/mcp", json=LIST, headers=HEADERS)).status_code == 404
    app = create_app(Settings(**common, mcp=True))
    with pytest.raises(ConfigError, match=r"pip install -r requirements-mcp\.lock"):
        async with serving_app(app):
            pass


def test_the_package_is_imported_by_the_first_request_and_not_before() -> None:
    code = "import sys, main; sys.exit(sorted({'mcp', 'mcp_types'} & sys.modules.keys()))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sdk" / "src")])}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.stderr.strip() == "[]", done.stderr


def test_every_tool_is_opened_by_what_opens_its_route() -> None:
    for tool in TOOLS.values():
        assert tool.owner is OWNERS[tool.operation]
        assert tool.owner in (RouteOwner.READ, RouteOwner.RUN), "an agent administrates nothing"


async def _follows(app: FastAPI) -> bool:
    return watchers(app) > 0
