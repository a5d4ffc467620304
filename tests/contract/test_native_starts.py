"""Starts over the real engine: labels, keys, trigger documents, and answers that wait for the end."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from api.streaming.hub import Hub
from clients.redis_client import connect_commands, connect_subscriber
from orchestrator.engine import Engine
from tests.contract.samples import UNKNOWN, node, workflow
from tests.makers import FakeWorker, until
from tests.patience import PATIENCE_S
from workers.handlers import Catalogue

ONE = workflow(node("A"))
HOOK = {"source": "webhook", "payload": {"n": 7}}


async def start(client: httpx2.AsyncClient, status: int = 202, **body: Any) -> Any:
    headers = body.pop("headers", {})
    answer = await client.post(
        "/v1/executions", json={"definition": ONE, "trigger": True} | body, headers=headers
    )
    assert answer.status_code == status, answer.text
    return answer.json()


async def listed(client: httpx2.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/v1/executions?{query}")
    assert answer.status_code == 200, answer.text
    return [item["execution_id"] for item in answer.json()["items"]]


async def _has_run(worker: FakeWorker) -> bool:
    """Run what there is to run, once there is."""
    return bool(await worker.run_all())


async def _are_watched(redis: Redis, count: int) -> bool:
    return len(await redis.pubsub_channels("workflow:*")) >= count


async def test_a_start_is_shown_with_all_it_said(client: httpx2.AsyncClient) -> None:
    made = await start(client, trigger=HOOK, labels={"team": "blue"}, execution_key="order 1")

    detail = (await client.get(f"/v1/executions/{made['execution_id']}")).json()
    (row,) = (await client.get("/v1/executions")).json()["items"]

    assert (detail["status"], detail["trigger"]) == ("RUNNING", HOOK)
    for shown in (detail, row):
        assert (shown["labels"], shown["execution_key"]) == ({"team": "blue"}, "order 1")
        assert (shown["workflow_id"], shown["workflow_version"]) == (None, None)


async def test_a_document_starts_and_false_does_not(client: httpx2.AsyncClient) -> None:
    assert (await start(client, trigger={}))["status"] == "RUNNING"
    assert (await start(client, 201, trigger=False))["status"] == "PENDING"
    answer = await client.post("/v1/executions", json={"definition": ONE, "trigger": "yes"})
    assert (answer.status_code, answer.json()["code"]) == (422, "REQUEST_INVALID")
    assert answer.json()["detail"] == "'trigger' must be true, false or an object; found text"


@pytest.mark.parametrize("path", ["/workflow/trigger/{}", "/v1/executions/{}/trigger"])
async def test_a_trigger_takes_the_document_once(client: httpx2.AsyncClient, path: str) -> None:
    made = (await start(client, 201, trigger=False))["execution_id"]
    path = path.format(made)

    first = await client.post(path, json={"trigger": HOOK})
    again = await client.post(path, json={"trigger": HOOK})
    other = await client.post(path, json={"trigger": {"data": 1}})

    assert first.status_code == again.status_code == (200 if path.startswith("/workflow") else 202)
    assert (other.status_code, other.json()["code"]) == (409, "TRIGGER_CONFLICT")
    assert (await client.get(f"/v1/executions/{made}")).json()["trigger"] == HOOK


async def test_a_document_over_the_limit_is_413_and_names_it(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/executions", json={"definition": ONE, "trigger": {"data": "x" * 262_144}})

    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert answer.json()["limit_bytes"] == 262_144
    assert (await client.get("/v1/executions")).json()["items"] == []


async def test_everything_wrong_with_a_start_is_listed(client: httpx2.AsyncClient) -> None:
    body = {"labels": {"": "x"}, "execution_key": UNKNOWN, "trigger": {"source": "cron"}}

    answer = await client.post("/v1/executions", json={"definition": ONE, **body})

    assert (answer.status_code, answer.json()["code"]) == (422, "START_INVALID")
    paths = [problem["path"] for problem in answer.json()["errors"]]
    assert paths == ["labels.", "execution_key", "trigger.source"]


async def test_lists_are_narrowed_by_label(client: httpx2.AsyncClient) -> None:
    both = (await start(client, labels={"team": "blue", "env": "a:b"}))["execution_id"]
    blue = (await start(client, labels={"team": "blue"}))["execution_id"]
    await start(client)

    assert await listed(client, "label=team:blue") == [blue, both]
    assert await listed(client, "label=team:blue&label=env:a:b") == [both]
    assert await listed(client, "label=team:blue&status=COMPLETED") == []
    assert await listed(client, f"workflow=wf_{'a' * 26}") == []
    for query in ("label=team", "label=:x", "label=team:", "label=a:b&" * 17):
        assert (await client.get(f"/v1/executions?{query}")).status_code == 422, query


async def test_executions_of_a_workflow_are_listed_by_its_name_and_after_its_end_by_its_id(
    client: httpx2.AsyncClient,
) -> None:
    made = (await client.put("/v1/workflows/orders", json=workflow(node("A")))).json()
    started = (await client.post("/v1/workflows/orders/executions")).json()["execution_id"]

    by_name = await listed(client, "workflow=orders")
    slip = await client.get("/v1/executions?workflow=order")
    await client.delete("/v1/workflows/orders")

    assert by_name == [started]
    assert (slip.status_code, slip.json()["detail"]) == (
        404,
        "no workflow 'order' is registered; did you mean 'orders'?",
    )
    assert await listed(client, f"workflow={made['workflow_id']}") == [started]
    assert (await client.get("/v1/executions?workflow=orders")).status_code == 404


async def test_a_page_of_a_narrowed_list_links_to_the_next(client: httpx2.AsyncClient) -> None:
    made = [(await start(client, labels={"team": "blue"}))["execution_id"] for _ in range(3)]

    first = await client.get("/v1/executions?label=team:blue&limit=2")
    link = first.headers["link"].partition(">")[0].lstrip("<")
    second = await client.get(link)

    assert [item["execution_id"] for item in first.json()["items"] + second.json()["items"]] == made[::-1]


async def test_a_key_stands_for_the_id_and_answers_name_the_id(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    made = (await start(client, execution_key="Bestellung 7"))["execution_id"]
    await worker.run_all()

    for path in (
        "/workflows/{}", "/workflows/{}/results", "/v1/executions/{}", "/v1/executions/{}/results",
        "/v1/executions/{}/explain",
    ):  # fmt: skip
        answer = await client.get(path.format("Bestellung%207"))
        assert (answer.status_code, answer.json()["execution_id"]) == (200, made), path
    for path in (
        "/definition",
        "/children",
        "/nodes/A",
        "/nodes/A/output",
        "/nodes/A/attempts",
        "/history",
        "/events",
    ):
        answer = await client.get(f"/v1/executions/Bestellung 7{path}")
        assert answer.status_code == 200, path
    replay = await client.post("/v1/executions/Bestellung 7/replay")
    assert replay.json()["replay_of"] == made
    assert (await client.post("/workflow/trigger/Bestellung 7")).json()["execution_id"] == made
    assert await listed(client, "execution_key=Bestellung 7") == [made]
    assert (await client.get("/v1/executions/Bestellung 8")).status_code == 404


async def test_a_taken_key_is_409_and_names_who_holds_it(client: httpx2.AsyncClient) -> None:
    made = (await start(client, execution_key="k"))["execution_id"]

    answer = await client.post("/v1/executions", json={"definition": ONE, "execution_key": "k"})
    used = await start(client, 200, execution_key="k", id_conflict_policy="use_existing")
    moved = await start(client, execution_key="k", id_conflict_policy="terminate_existing")

    assert (answer.status_code, answer.json()["code"]) == (409, "EXECUTION_KEY_TAKEN")
    assert answer.json()["execution_id"] == made
    assert used == {"execution_id": made, "status": "RUNNING", "existing": True}
    assert (await client.get("/v1/executions/k")).json()["execution_id"] == moved["execution_id"] != made
    assert (await client.get(f"/workflows/{made}")).json()["status"] == "CANCELLED"


async def test_a_start_that_ends_in_time_is_answered_with_what_it_came_to(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    body = {"definition": workflow(node("A")), "trigger": True, "execution_key": "k"}
    waiting = asyncio.ensure_future(client.post("/v1/executions", json=body, headers={"Prefer": "wait=30"}))
    await until(lambda: _has_run(worker))

    answer = await waiting

    assert answer.status_code == 200, answer.text
    assert answer.headers["preference-applied"] == "wait=30"
    assert answer.json()["status"] == "COMPLETED"
    assert answer.headers["location"] == f"/v1/executions/{answer.json()['execution_id']}"


async def test_a_start_that_does_not_end_in_time_is_answered_as_without_a_wait(
    client: httpx2.AsyncClient,
) -> None:
    body = {"definition": ONE, "trigger": True}

    answer = await client.post("/v1/executions", json=body, headers={"Prefer": "respond-async, wait=0"})

    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=0")
    assert answer.json().keys() == {"execution_id", "status"}


async def test_a_trigger_and_a_replay_wait_too(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    made = (await start(client, 201, trigger=False))["execution_id"]
    for verb in ("trigger", "replay"):
        waiting = asyncio.ensure_future(
            client.post(f"/v1/executions/{made}/{verb}", headers={"Prefer": "wait=30"})
        )
        await until(lambda: _has_run(worker))

        answer = await waiting

        assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED"), answer.text


async def test_a_read_waits_for_the_end(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    made = (await start(client))["execution_id"]
    waiting = asyncio.ensure_future(client.get(f"/v1/executions/{made}?wait=30"))
    await asyncio.sleep(0)

    await worker.run_all()

    assert (await waiting).json()["status"] == "COMPLETED"
    assert (await client.get(f"/v1/executions/{made}?wait=60")).json()["status"] == "COMPLETED"
    assert (await client.get(f"/v1/executions/{UNKNOWN}?wait=60")).status_code == 404


@pytest.mark.parametrize("wait", ["61", "-1", "soon", "1.5", ""])
async def test_a_wait_that_cannot_be_is_refused(client: httpx2.AsyncClient, wait: str) -> None:
    made = (await start(client))["execution_id"]

    read = await client.get(f"/v1/executions/{made}?wait={wait}")
    triggered = await client.post(f"/v1/executions/{made}/trigger", headers={"Prefer": f"wait={wait}"})

    assert read.status_code == triggered.status_code == 422
    assert "whole seconds, 0 to 60" in triggered.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/executions", "/v1/workflows/orders/executions"])
async def test_a_start_that_waits_is_told_of_its_end_without_asking(
    client: httpx2.AsyncClient, worker: FakeWorker, redis: Redis, path: str
) -> None:
    (await client.put("/v1/workflows/orders", json=ONE)).raise_for_status()
    body = {"definition": ONE, "trigger": True} if path == "/v1/executions" else {}

    async def ended() -> str:
        waiting = asyncio.ensure_future(client.post(path, json=body, headers={"Prefer": "wait=30"}))
        await until(lambda: _has_run(worker))
        return str((await waiting).json()["status"])

    # The first wait opens the subscription of the process.
    assert await ended() == "COMPLETED"
    await redis.config_resetstat()

    assert [await ended() for _ in range(3)] == ["COMPLETED"] * 3

    stats = await redis.info("commandstats")
    assert not {"cmdstat_subscribe", "cmdstat_unsubscribe"} & stats.keys()


async def test_the_same_start_again_waits_for_the_end_as_well(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    async def post() -> httpx2.Response:
        headers = {"Prefer": "wait=30", "Idempotency-Key": "once"}
        body = {"definition": ONE, "trigger": True}
        return await client.post("/v1/executions", json=body, headers=headers)

    waiting = [asyncio.ensure_future(post()) for _ in range(3)]
    await until(lambda: _has_run(worker))

    answers = [await each for each in waiting]
    assert {each.json()["status"] for each in answers} == {"COMPLETED"}
    assert len({each.json()["execution_id"] for each in answers}) == 1


async def test_a_thousand_waiters_on_a_hundred_executions_share_one_subscription(
    redis: Redis, redis_url: str
) -> None:
    commands, subscriber = connect_commands(redis_url), connect_subscriber(redis_url)
    engine = Engine(commands, subscriber, catalogue=Catalogue)
    hub = Hub(engine.all_tenants)
    made = [(await engine.executions.submit(ONE, trigger=True)).execution_id for _ in range(100)]
    waiters = [asyncio.ensure_future(hub.wait_for_end(each, PATIENCE_S)) for each in made for _ in range(10)]
    await until(lambda: _are_watched(redis, 100))

    clients: list[dict[str, Any]] = await redis.client_list(_type="pubsub")
    await redis.config_resetstat()
    await asyncio.gather(*(engine.executions.cancel(each, request_id="1") for each in made))
    ended = await asyncio.gather(*waiters)
    stats = await redis.info("commandstats")

    assert ended == [True] * 1000
    assert len(clients) == 1
    # Ten wait for each, and one read serves all whose news has come.
    assert stats["cmdstat_mget"]["calls"] <= 100
    assert hub.waiters == 0
    await hub.close()
    await commands.aclose()
    await subscriber.aclose()


async def test_a_reconnection_ends_waits_whose_event_was_lost(redis: Redis, redis_url: str) -> None:
    commands, subscriber = connect_commands(redis_url), connect_subscriber(redis_url)
    engine = Engine(commands, subscriber, catalogue=Catalogue)
    hub = Hub(engine.all_tenants)
    made = (await engine.executions.submit(ONE, trigger=True)).execution_id
    waiter = asyncio.ensure_future(hub.wait_for_end(made, PATIENCE_S))
    await until(lambda: _are_watched(redis, 1))

    await redis.client_kill_filter(_type="pubsub")
    await engine.executions.cancel(made, request_id="1")

    assert await waiter
    await hub.close()
    await commands.aclose()
    await subscriber.aclose()
