"""Histories fanned out: every watcher gets every line once and in order, whatever happens around it."""

import asyncio
import random
from typing import Any, cast

import pytest
from fastapi import FastAPI

from api.streaming import channel
from api.streaming import listener as listener_module
from api.streaming.history import PAGE, REPLAYS
from api.streaming.hub import Hub
from api.streaming.listener import PING, body_of
from orchestrator.engine import Engine
from orchestrator.operations.events import Wakeup
from orchestrator.states import ExecutionStatus
from tests.patience import PATIENCE_S
from tests.unit.api.fakes import EVENTS, EXECUTION_ID, FakeEngine
from tests.unit.api.streaming.watching import Client, drain, ids, until


async def test_lost_wake_up_costs_time_but_no_event(
    hub: Hub, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.record()
    watcher = hub.join(EXECUTION_ID, after=0, wire="sse")
    assert ids(await watcher.next_chunk() or b"") == [1]

    fake.record(is_announced=False)
    fake.finish()

    assert ids(await drain(watcher)) == [2, 3]


async def test_an_end_between_a_look_at_the_history_and_one_at_the_status_is_seen(
    hub: Hub, fake: FakeEngine
) -> None:
    fake.record()
    watcher = hub.join(EXECUTION_ID, after=0, wire="sse")
    assert ids(await watcher.next_chunk() or b"") == [1]
    status = fake.executions.status

    async def ending(execution_id: str) -> ExecutionStatus:
        if fake.current is ExecutionStatus.RUNNING:
            fake.finish()
        found: ExecutionStatus = await status(execution_id)
        return found

    fake.executions.status = ending
    fake.wakeups_made[0].inbox.put_nowait(Wakeup(EVENTS))  # for nothing new

    assert ids(await drain(watcher)) == [2]


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
    assert fake.calls["subscription"] == 1
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


async def test_a_crowd_that_replays_leaves_the_loop_to_others(hub: Hub, fake: FakeEngine) -> None:
    for _ in range(8 * PAGE):
        fake.record()
    fake.finish()
    made, most = 0, 0

    async def replay() -> list[int]:
        nonlocal made
        watcher, text = hub.join(EXECUTION_ID, after=0, wire="sse"), b""
        while (chunk := await watcher.next_chunk()) is not None:
            made += 1
            text += chunk
        return ids(text)

    async def look() -> None:
        nonlocal most
        while True:
            before = made
            await asyncio.sleep(0)
            most = max(most, made - before)

    looking = asyncio.ensure_future(look())
    seen = await asyncio.gather(*[replay() for _ in range(100)])
    looking.cancel()

    assert all(each == list(range(1, 8 * PAGE + 2)) for each in seen)
    # The last page of each is short enough to be news, and these may come together.
    assert made >= 900
    assert most <= 2 * REPLAYS


async def test_slow_watcher_misses_nothing_and_delays_nobody(app: FastAPI, fake: FakeEngine) -> None:
    slow, quick = Client(app), Client(app)
    await until(lambda: bool(slow.body and quick.body))
    slow.can_take.clear()
    for _ in range(3 * channel.RING):
        fake.record()
    fake.finish()
    await asyncio.wait_for(quick.task, PATIENCE_S)

    slow.can_take.set()
    await asyncio.wait_for(slow.task, PATIENCE_S)

    assert ids(quick.body) == ids(slow.body) == list(range(1, 3 * channel.RING + 2))


async def test_client_that_takes_nothing_is_given_up(
    app: FastAPI, fake: FakeEngine, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "STALLED_AFTER_S", 0.0)
    client = Client(app)
    await until(lambda: bool(client.body))
    client.can_take.clear()
    fake.record()

    await asyncio.wait_for(client.task, PATIENCE_S)

    assert not client.is_over
    assert hub.watchers == 0


async def test_idle_stream_is_pinged(hub: Hub, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "PING_AFTER_S", 0.0)
    fake.record()
    watcher = hub.join(EXECUTION_ID, after=1, wire="sse")

    assert await asyncio.wait_for(watcher.next_chunk(), PATIENCE_S) == PING


async def test_last_watcher_to_leave_ends_the_subscription(app: FastAPI, fake: FakeEngine, hub: Hub) -> None:
    first, second = Client(app), Client(app)
    await until(lambda: hub.watchers == 2 and bool(fake.wakeups_made))
    await until(lambda: EVENTS in fake.wakeups_made[0].watched)

    first.leave()
    await asyncio.wait_for(first.task, PATIENCE_S)
    assert (hub.watchers, fake.wakeups_made[0].watched) == (1, {EVENTS})

    second.leave()
    await asyncio.wait_for(second.task, PATIENCE_S)
    await until(lambda: not fake.wakeups_made[0].watched)
    assert hub.watchers == 0


async def test_stop_ends_every_stream_at_once(app: FastAPI, fake: FakeEngine, hub: Hub) -> None:
    fake.record()
    clients = [Client(app) for _ in range(50)]
    await until(lambda: all(ids(client.body) == [1] for client in clients))

    hub.stop()
    await asyncio.wait_for(asyncio.gather(*[client.task for client in clients]), PATIENCE_S)

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
    await asyncio.wait_for(client.task, PATIENCE_S)

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
        await asyncio.wait_for(client.task, PATIENCE_S)
        seen += ids(client.body)
        if client.status == 204:
            break
    await running

    assert seen == list(range(1, total + 2))


async def test_client_that_takes_its_time_gets_every_line_in_order(hub: Hub, fake: FakeEngine) -> None:
    """A line is handed over from the channel's own task; a client that blocks then must finish in its own."""
    taken: list[bytes] = []
    doors: list[asyncio.Future[None]] = []

    async def send(body: dict[str, bytes]) -> None:
        if fake.history and len(taken) % 2:
            doors.append(asyncio.get_running_loop().create_future())
            await doors[-1]
        taken.append(body["body"])

    async def stream() -> None:
        while (chunk := await watcher.next_chunk()) is not None:
            await watcher.hand_over(send(body_of(chunk)))

    async def open_doors() -> None:
        while not streaming.done():
            await asyncio.sleep(0)
            while doors:
                doors.pop().set_result(None)

    watcher = hub.join(EXECUTION_ID, after=0, wire="sse", send=send)
    streaming = asyncio.ensure_future(stream())
    opening = asyncio.ensure_future(open_doors())
    for _ in range(40):
        fake.record()
        await asyncio.sleep(0.001)
    fake.finish()
    await asyncio.wait_for(asyncio.gather(streaming, opening), PATIENCE_S)

    assert ids(b"".join(taken)) == list(range(1, 42))


async def test_client_that_is_gone_ends_its_own_stream_only(hub: Hub, fake: FakeEngine) -> None:
    async def broken(body: dict[str, bytes]) -> None:
        raise ConnectionError("gone")

    lost = hub.join(EXECUTION_ID, after=0, wire="sse", send=broken)
    other = hub.join(EXECUTION_ID, after=0, wire="sse")
    waiting = asyncio.ensure_future(lost.next_chunk())
    reading = asyncio.ensure_future(drain(other))
    await until(lambda: lost.is_waiting)
    fake.record()
    fake.finish()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(waiting, PATIENCE_S)
    assert ids(await asyncio.wait_for(reading, PATIENCE_S)) == [1, 2]


async def test_a_cancel_that_is_swallowed_keeps_nothing_alive(fake: FakeEngine) -> None:
    """As `asyncio.wait_for` of Python 3.11 does, by which the client of Redis sends."""
    hub = Hub(cast(Engine, fake))
    read, is_asked, may_answer = fake.events.list, asyncio.Event(), asyncio.Event()

    async def swallowing(execution_id: str, *, after: int = 0, limit: int = 1000) -> Any:
        is_asked.set()
        try:
            await may_answer.wait()
        except asyncio.CancelledError:
            pass
        return await read(execution_id, after=after, limit=limit)

    fake.events.list = swallowing  # type: ignore[method-assign]
    fake.record()
    watcher = hub.join(EXECUTION_ID, after=0, wire="sse")
    await is_asked.wait()

    hub.leave(watcher)
    async with asyncio.timeout(PATIENCE_S):
        await hub.close()

    assert not hub._tasks


async def test_what_ends_between_two_reads_is_handed_out_to_its_end(hub: Hub, fake: FakeEngine) -> None:
    fake.record()
    watcher = hub.join(EXECUTION_ID, after=0, wire="sse")
    assert ids(await watcher.next_chunk() or b"") == [1]
    read, has_ended = fake.executions.status, False

    async def ending(execution_id: str) -> ExecutionStatus:
        nonlocal has_ended
        if not has_ended:
            has_ended = True
            fake.record(is_announced=False)
            fake.finish()
        found: ExecutionStatus = await read(execution_id)
        return found

    fake.executions.status = ending
    # Woken for nothing new, it asks for the status.
    fake.wakeups_made[0].inbox.put_nowait(Wakeup(EVENTS))

    assert ids(await drain(watcher)) == [2, 3]
