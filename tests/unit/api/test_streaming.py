"""Histories fanned out: every watcher gets every line once and in order, whatever happens around it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson
import pytest
from fastapi import FastAPI

from api import channels
from api.channels import PING, Watcher
from api.history import PAGE
from api.streaming import Hub
from tests.unit.api.fakes import EXECUTION_ID, FakeEngine

Predicate = Callable[[], bool]


async def until(claim: Predicate) -> None:
    async with asyncio.timeout(5):
        while not claim():
            await asyncio.sleep(0)


def ids(text: bytes) -> list[int]:
    """The ids a client of this SSE text would remember."""
    return [int(line[4:]) for line in text.split(b"\n") if line.startswith(b"id: ")]


async def drain(watcher: Watcher) -> bytes:
    """Everything a watcher is handed until its stream ends."""
    parts = []
    async with asyncio.timeout(5):
        while (chunk := await watcher.next_chunk()) is not None:
            parts.append(chunk)
    return b"".join(parts)


class Client:
    """An HTTP client of the app that can be slow, leave, and see what was sent so far."""

    def __init__(self, app: FastAPI, query: str = "", headers: dict[str, str] | None = None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_over = False
        self.can_take = asyncio.Event()
        self.can_take.set()
        self._gone = asyncio.Event()
        given = {"accept": "text/event-stream", **(headers or {})}
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/v1/executions/{EXECUTION_ID}/events",
            "raw_path": b"",
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "server": ("headrace", 80),
            "client": ("client", 1),
        }
        self.task = asyncio.ensure_future(cast(Awaitable[None], app(scope, self._receive, self._send)))

    def leave(self) -> None:
        self._gone.set()

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.can_take.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")
            self.is_over = not message.get("more_body", False)


async def test_stream_replays_then_follows_to_the_end(app: FastAPI, fake: FakeEngine) -> None:
    fake.record("execution.created")
    client = Client(app)
    await until(lambda: ids(client.body) == [1])

    fake.record("node.queued")
    fake.finish()
    await asyncio.wait_for(client.task, 5)

    assert client.body.startswith(b"retry: 2000\n\nid: 1\nevent: execution.created\ndata: {")
    assert ids(client.body) == [1, 2, 3]
    assert client.is_over
    assert client.headers["x-accel-buffering"] == "no"
    assert client.headers["content-type"].startswith("text/event-stream")


async def test_event_line_has_the_documented_fields(app: FastAPI, fake: FakeEngine) -> None:
    fake.record("node.log", b'{"message":\n "two  spaces"}')
    fake.finish()
    client = Client(app, headers={"accept": "application/x-ndjson"})
    await asyncio.wait_for(client.task, 5)

    first, second = client.body.splitlines()
    assert orjson.loads(first) == {
        "seq": 1,
        "type": "node.log",
        "execution_id": EXECUTION_ID,
        "node_id": "A",
        "attempt": 1,
        "ts": "2023-11-14T22:13:20.124Z",
        "data": {"message": "two  spaces"},
    }
    assert orjson.loads(second)["type"] == "execution.completed"
    assert client.headers["content-type"] == "application/x-ndjson"


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", {}, [1, 2, 3, 4]),
        ("after=2", {}, [3, 4]),
        ("after=1", {"last-event-id": "3"}, [4]),
        ("from=start", {"last-event-id": "3-0"}, [4]),
        ("from=now&after=2", {}, [3, 4]),
    ],
)
async def test_stream_begins_where_it_is_asked_to(
    app: FastAPI, fake: FakeEngine, query: str, headers: dict[str, str], expected: list[int]
) -> None:
    for _ in range(3):
        fake.record()
    fake.finish()
    client = Client(app, query, headers)
    await asyncio.wait_for(client.task, 5)

    assert ids(client.body) == expected


async def test_from_now_sends_only_what_comes(app: FastAPI, fake: FakeEngine) -> None:
    fake.record()
    client = Client(app, "from=now")
    await until(lambda: bool(client.body))

    fake.record()
    fake.finish()
    await asyncio.wait_for(client.task, 5)

    assert ids(client.body) == [2, 3]


@pytest.mark.parametrize(("query", "last_id"), [("", "2"), ("", "9"), ("from=now", None), ("after=2", None)])
async def test_reconnect_after_the_end_is_204(
    app: FastAPI, fake: FakeEngine, query: str, last_id: str | None
) -> None:
    fake.record()
    fake.finish()
    client = Client(app, query, {"last-event-id": last_id} if last_id else None)
    await asyncio.wait_for(client.task, 5)

    assert (client.status, client.body) == (204, b"")


@pytest.mark.parametrize(
    ("query", "headers"), [("", {"last-event-id": "abc"}), ("after=-1", {}), ("from=yesterday", {})]
)
async def test_wrong_position_is_422(
    app: FastAPI, fake: FakeEngine, query: str, headers: dict[str, str]
) -> None:
    client = Client(app, query, headers)
    await asyncio.wait_for(client.task, 5)

    assert client.status == 422


async def test_terminal_event_followed_by_a_retry_does_not_end_the_stream(
    app: FastAPI, fake: FakeEngine
) -> None:
    fake.record("execution.failed")
    fake.record("execution.retried")
    client = Client(app)
    await until(lambda: ids(client.body) == [1, 2])

    fake.finish()
    await asyncio.wait_for(client.task, 5)

    assert ids(client.body) == [1, 2, 3]


async def test_trimmed_history_begins_with_a_gap_that_has_no_id(app: FastAPI, fake: FakeEngine) -> None:
    for _ in range(4):
        fake.record()
    fake.finish()
    del fake.history[:3]
    client = Client(app, "after=1")
    await asyncio.wait_for(client.task, 5)

    gap = client.body.split(b"\n\n")[1]
    assert gap.startswith(b"event: gap\n")
    assert b"id:" not in gap
    assert b'"data":{"after":1,"next":4}' in gap
    assert ids(client.body) == [4, 5]


async def test_lost_wake_up_costs_time_but_no_event(
    hub: Hub, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.record()
    watcher = hub.join(EXECUTION_ID, after=0, wire="sse")
    assert ids(await watcher.next_chunk() or b"") == [1]

    fake.record(is_announced=False)
    fake.finish()

    assert ids(await drain(watcher)) == [2, 3]


async def test_a_thousand_watchers_share_one_tail_and_few_reads(hub: Hub, fake: FakeEngine) -> None:
    for _ in range(50):
        fake.record()
    watchers = [hub.join(EXECUTION_ID, after=0, wire="sse") for _ in range(1000)]
    readers = [asyncio.ensure_future(drain(watcher)) for watcher in watchers]
    await until(lambda: all(watcher.cursor == 50 for watcher in watchers))

    for _ in range(20):
        fake.record()
    fake.finish()
    texts = await asyncio.gather(*readers)

    assert all(ids(text) == list(range(1, 72)) for text in texts)
    assert fake.calls["wakeups"] == 1
    assert fake.calls["events"] < 30


async def test_long_history_is_read_in_pages_shared_by_side_by_side_watchers(
    hub: Hub, fake: FakeEngine
) -> None:
    count = 5 * PAGE + 7
    for _ in range(count):
        fake.record()
    fake.finish()
    watchers = [hub.join(EXECUTION_ID, after=0, wire="sse") for _ in range(20)]
    texts = await asyncio.gather(*[drain(watcher) for watcher in watchers])

    assert all(ids(text) == list(range(1, count + 2)) for text in texts)
    assert fake.calls["events"] <= 10


async def test_slow_watcher_misses_nothing_and_delays_nobody(app: FastAPI, fake: FakeEngine) -> None:
    slow, quick = Client(app), Client(app)
    await until(lambda: bool(slow.body and quick.body))
    slow.can_take.clear()
    for _ in range(3 * channels.RING):
        fake.record()
    fake.finish()
    await asyncio.wait_for(quick.task, 5)

    slow.can_take.set()
    await asyncio.wait_for(slow.task, 5)

    assert ids(quick.body) == ids(slow.body) == list(range(1, 3 * channels.RING + 2))


async def test_client_that_takes_nothing_is_given_up(
    app: FastAPI, fake: FakeEngine, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "STALLED_AFTER_S", 0.0)
    client = Client(app)
    await until(lambda: bool(client.body))
    client.can_take.clear()
    fake.record()

    await asyncio.wait_for(client.task, 5)

    assert not client.is_over
    assert hub.watchers == 0


async def test_idle_stream_is_pinged(hub: Hub, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "PING_AFTER_S", 0.0)
    fake.record()
    watcher = hub.join(EXECUTION_ID, after=1, wire="sse")

    assert await asyncio.wait_for(watcher.next_chunk(), 5) == PING


async def test_last_watcher_to_leave_ends_the_subscription(app: FastAPI, fake: FakeEngine, hub: Hub) -> None:
    first, second = Client(app), Client(app)
    await until(lambda: bool(fake.wakeups_made and EXECUTION_ID in fake.wakeups_made[0].watched))

    first.leave()
    await asyncio.wait_for(first.task, 5)
    assert (hub.watchers, fake.wakeups_made[0].watched) == (1, {EXECUTION_ID})

    second.leave()
    await asyncio.wait_for(second.task, 5)
    await until(lambda: not fake.wakeups_made[0].watched)
    assert hub.watchers == 0


async def test_stop_ends_every_stream_at_once(app: FastAPI, fake: FakeEngine, hub: Hub) -> None:
    fake.record()
    clients = [Client(app) for _ in range(50)]
    await until(lambda: all(ids(client.body) == [1] for client in clients))

    hub.stop()
    await asyncio.wait_for(asyncio.gather(*[client.task for client in clients]), 1)

    assert all(client.is_over for client in clients)


async def test_store_that_is_away_keeps_the_stream_open(app: FastAPI, fake: FakeEngine) -> None:
    fake.record()
    client = Client(app)
    await until(lambda: ids(client.body) == [1])
    fake.fail_with = ConnectionError("away")
    fake.record()
    await asyncio.sleep(0.02)

    fake.fail_with = None
    fake.finish()
    await asyncio.wait_for(client.task, 5)

    assert ids(client.body) == [1, 2, 3]


async def test_history_that_came_back_shorter_is_followed_anew(hub: Hub, fake: FakeEngine) -> None:
    for _ in range(5):
        fake.record()
    watcher = hub.join(EXECUTION_ID, after=0, wire="sse")
    assert ids(await watcher.next_chunk() or b"") == [1, 2, 3, 4, 5]
    del fake.history[3:]
    fake.wakeups_made[0].inbox.put_nowait(None)
    await until(lambda: watcher.cursor == 3)

    fake.record()
    fake.finish()

    assert ids(await drain(watcher)) == [4, 5]


async def test_watcher_that_reconnects_at_random_sees_each_id_exactly_once(
    app: FastAPI, fake: FakeEngine
) -> None:
    total, dice = 600, random.Random(7)

    async def run() -> None:
        for _ in range(total):
            fake.record()
            if dice.random() < 0.3:
                await asyncio.sleep(0)
        fake.finish()

    running = asyncio.ensure_future(run())
    seen: list[int] = []
    while True:
        client = Client(app, headers={"last-event-id": str(seen[-1])} if seen else None)
        for _ in range(dice.randrange(5, 40)):
            await asyncio.sleep(0)
        client.leave()
        await asyncio.wait_for(client.task, 5)
        seen += ids(client.body)
        if client.status == 204:
            break
    await running

    assert seen == list(range(1, total + 2))
