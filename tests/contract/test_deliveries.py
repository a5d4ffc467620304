"""`/v1/deliveries` and the targets of starts, over the real engine and a real Redis."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from orchestrator.engine import Engine
from tests.contract.samples import UNKNOWN, node, workflow
from tests.integration.receivers import Receiver, look, refused, sending
from tests.makers import FakeWorker, Rig
from workers.handlers import Catalogue

URL = "https://receiver.example/hook"


@pytest.fixture
async def other(redis: Redis) -> Rig:
    """The engine beside the API, with the worker that runs what the API takes in."""
    engine = Engine(redis, redis, catalogue=Catalogue)
    await engine.transitions.load()
    return Rig(redis, engine.transitions, engine.store, engine, FakeWorker(engine.transitions, redis))


async def ended(client: httpx2.AsyncClient, rig: Rig, **body: Any) -> str:
    sent = {"definition": workflow(node("A")), "trigger": True, "on_complete": {"url": URL}} | body
    answer = await client.post("/v1/executions", json=sent)
    assert answer.status_code == 202, answer.text
    await rig.worker.run_all()
    execution_id: str = answer.json()["execution_id"]
    return execution_id


async def test_a_message_is_listed_read_and_sent_again(client: httpx2.AsyncClient, other: Rig) -> None:
    execution_id = await ended(client, other, on_complete=[{"url": URL}, {"url": f"{URL}/2"}])
    receiver = Receiver(lambda delivery, now_ms: refused(410))
    webhooks = sending(other, receiver)
    other.transitions.now_ms = await other.store.now_ms()
    await look(other, webhooks)
    other.transitions.now_ms = None

    first = (await client.get("/v1/deliveries", params={"execution_id": execution_id, "limit": 1})).json()
    rest = (await client.get("/v1/deliveries", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    (found,) = rest["items"]
    path = f"/v1/deliveries/{found['delivery_id']}"
    read = (await client.get(path)).json()
    again = await client.post(f"{path}/resend", headers={"Idempotency-Key": "1"})
    pending = (await client.get("/v1/deliveries", params={"state": "pending"})).json()

    assert (found["state"], found["type"], found["target"]) == ("gone", "execution.completed", {"url": URL})
    assert found["message_id"] in {name for _, name, _ in receiver.seen}
    assert [attempt["status_code"] for attempt in read["attempts"]] == [410]
    assert (again.status_code, again.json()["state"], again.json()["tries"]) == (202, "pending", 0)
    assert [each["delivery_id"] for each in pending["items"]] == [found["delivery_id"]]
    assert rest["next_cursor"] is None


async def test_a_start_of_a_workflow_takes_targets_too(client: httpx2.AsyncClient, other: Rig) -> None:
    definition = workflow(node("A"), on_complete={"url": URL})
    await client.put("/v1/workflows/orders", json=definition)

    started = await client.post("/v1/workflows/orders/executions", json={"on_complete": {"workflow": "next"}})
    await other.worker.run_all()

    execution_id = started.json()["execution_id"]
    page = (await client.get("/v1/deliveries", params={"execution_id": execution_id})).json()
    assert [each["target"] for each in page["items"]] == [{"workflow": "next"}, {"url": URL}]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"on_failure": {"url": "ftp://x/"}}, "on_failure.url"),
        ({"on_cancel": [{"url": URL}, {}]}, "on_cancel[1]"),
        (
            {"definition": workflow(node("A"), on_complete={"url": URL, "secret": "whsec_x"})},
            "on_complete.secret",
        ),
    ],
)
async def test_wrong_targets_are_refused_and_nothing_is_stored(
    client: httpx2.AsyncClient, redis: Redis, body: dict[str, Any], path: str
) -> None:
    sent = {"definition": workflow(node("A")), "trigger": True} | body

    answer = await client.post("/v1/executions", json=sent)

    assert answer.status_code == 422
    assert path in answer.text
    assert not [key for key in await redis.keys() if b"workflow:0" in key]


async def test_what_there_is_not_is_unknown(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/deliveries/x.1.0")).status_code == 404
    assert (await client.post("/v1/deliveries/x.1.0/resend")).status_code == 404
    assert (await client.get("/v1/deliveries", params={"execution_id": UNKNOWN})).status_code == 404
    assert (await client.get("/v1/deliveries", params={"state": "lost"})).status_code == 422
    assert (await client.get("/v1/deliveries", params={"cursor": "lost"})).status_code == 422
