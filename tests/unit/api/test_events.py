"""The events route: where a stream begins, what is on it, how it ends."""

import asyncio

import orjson
import pytest
from fastapi import FastAPI

from tests.patience import PATIENCE_S
from tests.unit.api.fakes import EXECUTION_ID, FakeEngine
from tests.unit.api.streaming.watching import Client, ids, until


async def test_stream_replays_then_follows_to_the_end(app: FastAPI, fake: FakeEngine) -> None:
    fake.record("execution.created")
    client = Client(app)
    await until(lambda: ids(client.body) == [1])

    fake.record("node.queued")
    fake.finish()
    await asyncio.wait_for(client.task, PATIENCE_S)

    assert client.body.startswith(b"retry: 2000\n\nid: 1\nevent: execution.created\ndata: {")
    assert ids(client.body) == [1, 2, 3]
    assert client.is_over
    assert client.headers["x-accel-buffering"] == "no"
    assert client.headers["content-type"].startswith("text/event-stream")


async def test_event_line_has_the_documented_fields(app: FastAPI, fake: FakeEngine) -> None:
    fake.record("node.log", b'{"message":\n "two  spaces"}')
    fake.finish()
    client = Client(app, headers={"accept": "application/x-ndjson"})
    await asyncio.wait_for(client.task, PATIENCE_S)

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
    await asyncio.wait_for(client.task, PATIENCE_S)

    assert ids(client.body) == expected


async def test_from_now_sends_only_what_comes(app: FastAPI, fake: FakeEngine) -> None:
    fake.record()
    client = Client(app, "from=now")
    await until(lambda: bool(client.body))

    fake.record()
    fake.finish()
    await asyncio.wait_for(client.task, PATIENCE_S)

    assert ids(client.body) == [2, 3]


@pytest.mark.parametrize(("query", "last_id"), [("", "2"), ("", "9"), ("from=now", None), ("after=2", None)])
async def test_reconnect_after_the_end_is_204(
    app: FastAPI, fake: FakeEngine, query: str, last_id: str | None
) -> None:
    fake.record()
    fake.finish()
    client = Client(app, query, {"last-event-id": last_id} if last_id else None)
    await asyncio.wait_for(client.task, PATIENCE_S)

    assert (client.status, client.body) == (204, b"")


@pytest.mark.parametrize(
    ("query", "headers"), [("", {"last-event-id": "abc"}), ("after=-1", {}), ("from=yesterday", {})]
)
async def test_wrong_position_is_422(
    app: FastAPI, fake: FakeEngine, query: str, headers: dict[str, str]
) -> None:
    client = Client(app, query, headers)
    await asyncio.wait_for(client.task, PATIENCE_S)

    assert client.status == 422


async def test_terminal_event_followed_by_a_retry_does_not_end_the_stream(
    app: FastAPI, fake: FakeEngine
) -> None:
    fake.record("execution.failed")
    fake.record("execution.retried")
    client = Client(app)
    await until(lambda: ids(client.body) == [1, 2])

    fake.finish()
    await asyncio.wait_for(client.task, PATIENCE_S)

    assert ids(client.body) == [1, 2, 3]


async def test_trimmed_history_begins_with_a_gap_that_has_no_id(app: FastAPI, fake: FakeEngine) -> None:
    for _ in range(4):
        fake.record()
    fake.finish()
    del fake.history[:3]
    client = Client(app, "after=1")
    await asyncio.wait_for(client.task, PATIENCE_S)

    gap = client.body.split(b"\n\n")[1]
    assert gap.startswith(b"event: gap\n")
    assert b"id:" not in gap
    assert b'"data":{"after":1,"next":4}' in gap
    assert ids(client.body) == [4, 5]
