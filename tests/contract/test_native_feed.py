"""The feed of lists over the real engine: what changes comes once, to all who watch, for one look."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from api.access import Reach
from api.streaming import feed as feed_module
from api.streaming import listener
from api.streaming.feed import Feed, FeedWatcher
from api.streaming.hub import Hub
from config import Settings
from main import create_app
from orchestrator.operations.recent import Recent, Sight
from tests.contract.samples import node, workflow
from tests.contract.two_tenants import CLOSED, OPERATOR_KEY
from tests.integration.waiting_nodes import asking, decide
from tests.makers import Rig
from tests.patience import PATIENCE_S
from tests.serving import serving_app
from tests.unit.api.streaming.watching import Client, until

FEED, LIST = "/v1/feed", "/v1/executions"
Frame = tuple[str, Any]


@pytest.fixture(autouse=True)
def _looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(feed_module, "REST", 0)


def frames(text: bytes) -> list[Frame]:
    """Events of the stream with what is in their data; comments and the retry are left out."""
    found = []
    for block in text.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if line and line[0] != ":")
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def statuses(text: bytes) -> list[tuple[str, str]]:
    return [(row["execution_id"], row["status"]) for event, row in frames(text) if event == "execution"]


@asynccontextmanager
async def served(redis_url: str, **settings: Any) -> AsyncIterator[tuple[FastAPI, httpx2.AsyncClient]]:
    app = create_app(Settings(redis_url=redis_url, **settings))
    async with serving_app(app) as client:
        yield app, client


@asynccontextmanager
async def watching(app: FastAPI, key: str | None = None) -> AsyncIterator[Client]:
    """A client of the feed that has been greeted."""
    made = Client(app, path=FEED, headers={"x-api-key": key} if key else None)
    await until(lambda: b"event: totals" in made.body or made.is_over)
    yield made
    made.leave()
    await asyncio.wait_for(made.task, PATIENCE_S)


async def start(client: httpx2.AsyncClient, *nodes: dict[str, Any], key: str | None = None) -> str:
    body = {"definition": workflow(*(nodes or (node("A"),))), "trigger": True}
    answer = await client.post(LIST, json=body, headers={"X-API-Key": key} if key else {})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["execution_id"])


# Over HTTP


async def test_rows_come_as_they_stand_in_the_list(redis_url: str, rig: Rig) -> None:
    async with served(redis_url) as (app, client):
        await start(client)
        await rig.worker.run_all()
        async with watching(app) as watcher:
            assert watcher.headers["content-type"].startswith("text/event-stream")
            assert "no-transform" in watcher.headers["cache-control"]
            assert watcher.body.startswith(b"retry: 2000\n\nevent: ready\n")
            assert frames(watcher.body) == [("ready", {}), ("totals", {"approvals": 0, "dead": 0})]

            execution_id = await start(client, node("A"), node("B", after=["A"]))
            await until(lambda: (execution_id, "RUNNING") in statuses(watcher.body))
            await rig.worker.complete(await rig.worker.start_one("A"))
            await until(lambda: frames(watcher.body)[-1][1]["progress"]["ended"] == 1)
            await rig.worker.run_all()
            await until(lambda: (execution_id, "COMPLETED") in statuses(watcher.body))

            row = (await client.get(LIST)).json()["items"][0]
            assert frames(watcher.body)[-1] == ("execution", row)
            assert {each for each, _ in statuses(watcher.body)} == {execution_id}


async def test_what_is_purged_is_removed(redis_url: str, rig: Rig) -> None:
    async with served(redis_url) as (app, client):
        execution_id = await start(client)
        await rig.worker.run_all()
        async with watching(app) as watcher:
            assert (await client.delete(f"{LIST}/{execution_id}")).status_code == 204

            await until(lambda: len(frames(watcher.body)) > 2)
            assert frames(watcher.body)[2:] == [("removed", {"execution_id": execution_id})]


async def test_another_tenants_executions_never_appear(redis_url: str) -> None:
    async with served(redis_url, **CLOSED) as (app, client):
        keys = {}
        for tenant in ("acme", "bolt"):
            operator = {"X-API-Key": OPERATOR_KEY}
            answer = await client.post("/v1/tenants", json={"name": tenant}, headers=operator)
            keys[tenant] = answer.json()["api_key"]["key"]
        async with watching(app, keys["acme"]) as acme, watching(app, keys["bolt"]) as bolt:
            theirs = await start(client, key=keys["acme"])
            await until(lambda: bool(statuses(acme.body)))
            mine = await start(client, key=keys["bolt"])
            await until(lambda: bool(statuses(bolt.body)))

            assert {each for each, _ in statuses(acme.body)} == {theirs}
            assert {each for each, _ in statuses(bolt.body)} == {mine}
            assert theirs.encode() not in bolt.body


async def test_the_stream_ends_with_its_key(redis_url: str) -> None:
    async with served(redis_url, **CLOSED) as (app, client):
        operator = {"X-API-Key": OPERATOR_KEY}
        made = (await client.post("/v1/tenants", json={"name": "acme"}, headers=operator)).json()["api_key"]
        owner = {"X-API-Key": made["key"]}
        lent = (await client.post("/v1/keys", json={"name": "tv", "scopes": ["read"]}, headers=owner)).json()
        async with watching(app, lent["key"]) as watcher, watching(app, made["key"]) as other:
            await client.delete(f"/v1/keys/{lent['key_id']}", headers=owner)

            await until(lambda: watcher.is_over)
            assert not other.is_over


async def test_the_stream_ends_when_the_process_stops(redis_url: str) -> None:
    async with served(redis_url) as (app, _):
        reach: Reach = app.state.reach
        async with watching(app) as watcher:
            reach.hub.stop()

            await until(lambda: watcher.is_over)


async def test_the_head_alone_is_answered_and_nobody_watches_then(redis_url: str) -> None:
    async with served(redis_url) as (app, client):
        answer = await client.head(FEED)

        assert (answer.status_code, answer.text) == (200, "")
        reach: Reach = app.state.reach
        await until(lambda: reach.hub.watchers == 0)


async def test_a_silent_feed_is_kept_alive(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "PING_AFTER_S", 0.2)
    async with served(redis_url) as (app, _), watching(app) as watcher:
        await until(lambda: listener.PING in watcher.body)


# The feed alone, looked with by hand


async def greeted(feed: Feed) -> FeedWatcher:
    watcher = FeedWatcher(feed)
    feed.watchers.add(watcher)
    if feed.number is None:
        await feed.look()
    assert frames(await watcher.next_chunk() or b"")[0][0] == "ready"
    return watcher


async def test_a_slow_watcher_gets_the_latest_of_each_row_and_no_more(rig: Rig) -> None:
    feed = Feed(rig.engine)
    slow, quick = await greeted(feed), await greeted(feed)
    nodes = [node("A"), node("B", after=["A"]), node("C", after=["B"])]
    execution_id = (await rig.engine.executions.submit(workflow(*nodes), trigger=True)).execution_id
    seen: list[int] = []
    for name in ("A", "B", "C"):
        await rig.worker.complete(await rig.worker.start_one(name))
        await feed.look()
        ((_, row),) = frames(await quick.next_chunk() or b"")
        seen.append(row["progress"]["ended"])

    ((event, row),) = frames(await slow.next_chunk() or b"")

    assert seen == [1, 2, 3]
    assert (event, row["execution_id"], row["status"]) == ("execution", execution_id, "COMPLETED")


async def test_what_changes_no_row_is_not_sent(rig: Rig) -> None:
    feed = Feed(rig.engine)
    watcher = await greeted(feed)
    await rig.submit({"id": "A", "handler": "noop"})
    await feed.look()
    assert await watcher.next_chunk()
    number = feed.number
    await rig.redis.hincrby((await runtimes(rig))[0], "seq", 7)  # as lines of a log do

    await feed.look()

    assert feed.number == number


async def test_a_retry_that_ends_as_before_between_two_looks_is_seen(rig: Rig) -> None:
    execution_id = await rig.submit({"id": "A", "handler": "noop"})
    await rig.worker.run_all(failing=["A"])
    feed = Feed(rig.engine)
    watcher = await greeted(feed)

    await rig.engine.executions.retry(execution_id)
    await rig.worker.run_all(failing=["A"])
    await feed.look()

    ((_, row),) = frames(await watcher.next_chunk() or b"")
    assert (row["status"], row["generation"]) == ("FAILED", 2)


async def test_totals_come_when_they_change(rig: Rig) -> None:
    feed = Feed(rig.engine)
    watcher = await greeted(feed)

    async def totals() -> tuple[int, int]:
        await feed.look()
        found = [data for event, data in frames(await watcher.next_chunk() or b"") if event == "totals"]
        return found[-1]["approvals"], found[-1]["dead"]

    execution_id = await asking(rig)
    assert await totals() == (1, 0)
    await rig.submit({"id": "A", "handler": "noop"})
    await rig.worker.fail(await rig.worker.start_one("A"), is_dead=True)
    assert await totals() == (1, 1)
    await decide(rig, execution_id)
    assert await totals() == (0, 1)
    (entry,) = (await rig.engine.dead_letters.list()).items
    await rig.engine.dead_letters.drop(entry.entry_id)
    assert await totals() == (0, 0)


async def test_a_row_that_newer_ones_push_out_is_not_said_to_be_removed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "ROWS", 2)
    feed = Feed(rig.engine)
    watcher = await greeted(feed)
    ids = [await rig.submit({"id": "A", "handler": "noop"}) for _ in range(2)]
    await feed.look()
    assert [row["execution_id"] for _, row in frames(await watcher.next_chunk() or b"")] == ids

    newer = [await rig.submit({"id": "A", "handler": "noop"}) for _ in range(2)]
    await feed.look()

    assert [row["execution_id"] for _, row in frames(await watcher.next_chunk() or b"")] == newer


async def test_a_look_that_fails_loses_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed(rig.engine)
    watcher = await greeted(feed)
    execution_id = await rig.submit({"id": "A", "handler": "noop"})

    async def fail(*_: Any) -> Any:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(Recent, "rows", fail)
        with pytest.raises(ConnectionError):
            await feed.look()
    await feed.look()

    ((_, row),) = frames(await watcher.next_chunk() or b"")
    assert row["execution_id"] == execution_id


async def test_fifty_watchers_cost_one_look_and_none_costs_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "LOOK_EVERY_S", 3_600)
    looks = counted_looks(monkeypatch)
    hub = Hub(rig.engine)
    try:
        watchers = [hub.join_feed(rig.engine) for _ in range(50)]
        async with asyncio.timeout(PATIENCE_S):
            chunks = await asyncio.gather(*(watcher.next_chunk() for watcher in watchers))

        assert {chunk is not None and chunk.startswith(b"event: ready") for chunk in chunks} == {True}
        assert (looks, hub.watchers) == ([rig.engine.tenant], 50)
        for watcher in watchers:
            hub.leave_feed(watcher)
        assert hub.watchers == 0
        again = hub.join_feed(rig.engine)
        assert await again.next_chunk()
        assert looks == [rig.engine.tenant] * 2
        hub.leave_feed(again)
    finally:
        await hub.close()


async def test_the_cost_of_a_look_does_not_grow_with_the_executions(rig: Rig) -> None:
    async def commands() -> int:
        feed = Feed(rig.engine)
        await feed.look()
        await rig.redis.config_resetstat()
        await feed.look()
        stats = await rig.redis.info("commandstats")
        return sum(row["calls"] for name, row in stats.items() if "config" not in name)

    for _ in range(feed_module.ROWS):
        await rig.submit({"id": "A", "handler": "noop"})
    few = await commands()
    for _ in range(feed_module.ROWS):
        await rig.submit({"id": "A", "handler": "noop"})

    assert await commands() == few <= feed_module.ROWS + 10


def counted_looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tenants whose rows were looked at, in order."""
    looks: list[str] = []
    sight = Recent.sight

    async def counted(self: Recent, most: int) -> Sight:
        looks.append(self._owner.tenant)
        return await sight(self, most)

    monkeypatch.setattr(Recent, "sight", counted)
    return looks


async def runtimes(rig: Rig) -> list[str]:
    page = await rig.engine.executions.list()
    return [rig.store.keys.runtime(row.execution_id) for row in page.items]
