"""A server that cannot serve at the moment: clients are asked to come again, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from clients import patience
from clients.redis_client import connect_commands
from config import Settings
from main import create_app
from orchestrator.store.transitions import Transitions
from tests.integration.faults.server_states import OPTIONS, STATES
from tests.makers import node, workflow
from tests.redis_server import RedisServer
from tests.serving import serving_app


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    (tmp_path / "redis").mkdir()
    made = RedisServer(tmp_path / "redis", options=OPTIONS)
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def admin(server: RedisServer) -> AsyncIterator[Any]:
    client = connect_commands(server.url)
    yield client
    await client.aclose()


@pytest.fixture
def app(server: RedisServer) -> FastAPI:
    return create_app(Settings(redis_url=server.url))


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving_app(app) as made:
        app.state.reach.engine.transitions.patience_s = 0.1
        yield made


async def test_requests_wait_for_a_server_that_restarts(
    server: RedisServer, admin: Any, app: FastAPI, api: httpx2.AsyncClient
) -> None:
    app.state.reach.engine.transitions.patience_s = 5.0
    document = workflow(node("A"), name="Patient")
    assert (await api.put("/v1/workflows/patient", json=document)).status_code == 201
    await admin.execute_command("SAVE")
    server.kill()

    asked = [
        asyncio.create_task(api.get("/v1/workflows/patient")),
        asyncio.create_task(api.get("/v1/executions")),
        asyncio.create_task(api.post("/v1/workflows/patient/executions")),
    ]
    done, _ = await asyncio.wait(asked, timeout=0.1)
    server.start()

    assert not done
    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200, 200, 202]


async def test_the_words_of_an_outage_say_not_where_redis_is(
    server: RedisServer, api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.0)
    server.kill()

    document = {"definition": workflow(node("A"))}
    answers = [await api.get("/v1/executions"), await api.post("/v1/executions", json=document)]

    assert [answer.status_code for answer in answers] == [503, 503]
    details = {answer.json()["detail"] for answer in answers}
    assert details == {"the store cannot be used at the moment: it cannot be reached"}


@pytest.mark.parametrize("state", STATES)
async def test_requests_are_answered_503_and_serve_again_afterwards(
    server: RedisServer, admin: Any, api: httpx2.AsyncClient, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.1)
    document = {"definition": workflow(node("A"))}
    execution_id = (await api.post("/v1/executions", json=document)).json()["execution_id"]

    async with STATES[state](server, admin):
        answers = [
            await api.post("/v1/executions", json=document),
            await api.post(f"/workflow/trigger/{execution_id}"),
            await api.post(f"/v1/executions/{execution_id}/signals/go", json={}),
            await api.get(f"/workflows/{execution_id}"),
            await api.get(f"/v1/executions/{execution_id}"),
            await api.get("/v1/workers"),
        ]
    again = await api.post(f"/workflow/trigger/{execution_id}")

    writes, reads = answers[:3], answers[3:]
    assert [answer.status_code for answer in writes] == [503] * 3
    # Some of them can still be read from.
    assert {answer.status_code for answer in reads} <= {200, 503}
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.json()["code"] for answer in refused} == {"STORE_UNAVAILABLE"}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert again.is_success


@pytest.mark.parametrize("state", STATES)
async def test_a_call_is_kept_and_sent_again_until_the_server_serves(
    server: RedisServer, admin: Any, state: str
) -> None:
    patient = connect_commands(server.url)
    transitions = Transitions(patient, patience_s=None)
    await transitions.load()

    async with STATES[state](server, admin):
        call = asyncio.ensure_future(transitions.announce_worker("w1", ["default"], ["name", "w1"]))
        done, _ = await asyncio.wait([call], timeout=0.3)
        assert not done
    assert await call == [1]
    await patient.aclose()


async def test_what_is_damaged_is_named_and_holds_up_no_other(admin: Any, api: httpx2.AsyncClient) -> None:
    document = {"definition": workflow(node("A"))}
    damaged, sound = [
        (await api.post("/v1/executions", json=document)).json()["execution_id"] for _ in range(2)
    ]
    keys = await admin.keys(f"*{damaged}*")
    for key in keys:
        await admin.delete(key)
        await admin.rpush(key, "foreign")

    answers = [
        await api.get(f"/v1/executions/{damaged}"),
        await api.get(f"/workflows/{damaged}"),
        await api.post(f"/workflow/trigger/{damaged}"),
        await api.post(f"/v1/executions/{damaged}/cancel"),
        await api.get(f"/v1/executions/{damaged}/nodes/A"),
        await api.get(f"/workflows/{damaged}/results"),
        await api.get(f"/v1/executions/{damaged}/explain"),
        await api.get(f"/v1/executions/{damaged}/events"),
    ]

    assert [answer.json().get("code") for answer in answers] == ["STORE_DAMAGED"] * len(answers)
    assert (await api.get(f"/v1/executions/{sound}")).is_success
    assert (await api.get("/v1/executions")).is_success


async def test_a_right_that_is_missing_in_redis_is_named(admin: Any, api: httpx2.AsyncClient) -> None:
    document = {"definition": workflow(node("A"))}
    execution_id = (await api.post("/v1/executions", json=document)).json()["execution_id"]

    await admin.execute_command("ACL", "SETUSER", "default", "-@read", "-@scripting")
    answers = [await api.get(f"/workflows/{execution_id}"), await api.post("/v1/executions", json=document)]
    await admin.execute_command("ACL", "SETUSER", "default", "+@all")

    assert [answer.json()["code"] for answer in answers] == ["STORE_FORBIDDEN"] * 2
    assert "REDIS_URL" in answers[0].json()["detail"]


async def test_the_connection_to_a_demoted_server_is_dropped(server: RedisServer, admin: Any) -> None:
    transitions = Transitions(admin, patience_s=0.0)
    await transitions.load()
    ids = [await admin.client_id()]

    async with STATES["READONLY"](server, admin):
        with pytest.raises(Exception, match="read only"):
            await transitions.announce_worker("w1", ["default"], ["name", "w1"])
        with pytest.raises(Exception, match="read only"):
            await admin.set("k", 1)
    ids.append(await admin.client_id())

    # By now the address may lead to another server.
    assert ids[0] != ids[1]
