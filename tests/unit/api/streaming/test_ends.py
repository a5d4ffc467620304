"""Waits for an end: woken by events over the one subscription, looked at together, never left behind."""

import asyncio
import math

import pytest

from api.streaming import ends
from api.streaming import hub as hub_module
from api.streaming.hub import Hub
from clients.waiting import WaitBudget, seconds_left
from headrace.backoff import Backoff
from orchestrator.operations.events import Topic, Wakeup
from orchestrator.states import ExecutionStatus
from tests.patience import PATIENCE_S
from tests.unit.api.fakes import END, EVENTS, EXECUTION_ID, FakeEngine, FakeWakeups
from tests.unit.api.streaming.watching import subscribed, until, waiting


async def test_the_event_of_the_end_answers_everybody_with_one_read(hub: Hub, fake: FakeEngine) -> None:
    waiters = waiting(hub, 1000)
    await subscribed(fake)
    before = fake.calls["statuses"]

    fake.finish()

    assert await asyncio.gather(*waiters) == [True] * 1000
    assert fake.calls["subscription"] == 1
    assert fake.calls["statuses"] == before + 1


async def test_the_event_of_the_end_answers_who_waits_alone_without_a_read(
    hub: Hub, fake: FakeEngine
) -> None:
    (waiter,) = waiting(hub)
    await subscribed(fake)
    before = fake.calls["statuses"]

    fake.finish()

    assert await waiter
    assert fake.calls["statuses"] == before


async def test_an_end_before_a_retry_that_is_heard_late_ends_no_wait(hub: Hub, fake: FakeEngine) -> None:
    (earlier,) = waiting(hub)
    await subscribed(fake)
    (waiter,) = waiting(hub)
    before = fake.calls["statuses"]

    fake.wakeups_made[0].inbox.put_nowait(Wakeup(END))

    await until(lambda: fake.calls["statuses"] > before)
    assert not waiter.done()
    fake.finish()
    assert await waiter and await earlier


async def test_nothing_is_read_while_nothing_happens(hub: Hub, fake: FakeEngine) -> None:
    (waiter,) = waiting(hub)
    await subscribed(fake)
    before = fake.calls["statuses"]

    for _ in range(1_000):
        await asyncio.sleep(0)

    assert fake.calls["statuses"] == before
    fake.finish()
    assert await waiter


async def test_events_of_an_execution_that_goes_on_read_nothing(hub: Hub, fake: FakeEngine) -> None:
    (waiter,) = waiting(hub)
    await subscribed(fake)
    before = fake.calls["statuses"]

    for _ in range(20):
        fake.record()
        await asyncio.sleep(0)

    fake.finish()
    assert await waiter
    assert fake.calls["statuses"] == before


async def test_an_end_whose_wake_up_was_lost_is_found_after_a_while(
    hub: Hub, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "CHECK_EVERY_S", 1)
    (waiter,) = waiting(hub)
    await subscribed(fake)

    fake.current = ExecutionStatus.COMPLETED

    assert await waiter


async def test_an_execution_that_has_ended_is_answered_at_once(hub: Hub, fake: FakeEngine) -> None:
    fake.current = ExecutionStatus.FAILED

    assert await hub.wait_for_end(EXECUTION_ID, PATIENCE_S)


async def test_an_execution_that_does_not_exist_has_ended(hub: Hub) -> None:
    assert await hub.wait_for_end("01900000-0000-7000-8000-00000000ffff", PATIENCE_S)


async def test_when_the_time_is_over_the_subscription_is_given_back(hub: Hub, fake: FakeEngine) -> None:
    assert not await hub.wait_for_end(EXECUTION_ID, 0.001)

    await until(lambda: not any(made.watched for made in fake.wakeups_made))
    assert hub.waiters == 0


async def test_a_waiter_that_leaves_early_leaves_nothing_behind(hub: Hub, fake: FakeEngine) -> None:
    first, second = waiting(hub, 2)
    await subscribed(fake)

    first.cancel()
    await until(lambda: hub.waiters == 1)
    assert fake.wakeups_made[0].watched == {END}
    second.cancel()

    await until(lambda: not fake.wakeups_made[0].watched)
    assert hub.waiters == 0


async def test_a_stream_keeps_the_subscription_a_wait_gives_back(hub: Hub, fake: FakeEngine) -> None:
    watcher = hub.join(EXECUTION_ID, after=0, wire="sse")
    (waiter,) = waiting(hub)
    await subscribed(fake)

    waiter.cancel()
    await until(lambda: hub.waiters == 0)
    for _ in range(20):
        await asyncio.sleep(0)

    await until(lambda: fake.wakeups_made[0].watched == {EVENTS})
    hub.leave(watcher)
    await until(lambda: not fake.wakeups_made[0].watched)


async def test_a_process_that_stops_ends_every_wait(hub: Hub, fake: FakeEngine) -> None:
    waiters = waiting(hub, 3)
    await subscribed(fake)

    hub.stop()

    assert await asyncio.gather(*waiters) == [False] * 3
    assert not await hub.wait_for_end(EXECUTION_ID, PATIENCE_S)


async def test_a_reconnection_looks_at_everything_again(hub: Hub, fake: FakeEngine) -> None:
    (waiter,) = waiting(hub)
    await subscribed(fake)
    fake.current = ExecutionStatus.COMPLETED  # its event was lost

    fake.wakeups_made[0].inbox.put_nowait(None)

    assert await waiter


async def test_the_subscription_is_not_bounded_by_the_time_of_the_request_that_came_first(
    hub: Hub, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds: list[float] = []

    async def watch(self: FakeWakeups, topic: Topic) -> None:
        bounds.append(seconds_left(math.inf))
        self.watched.add(topic)

    monkeypatch.setattr(FakeWakeups, "watch", watch)
    with WaitBudget(8.0).applied():
        (waiter,) = waiting(hub)
    await subscribed(fake)
    fake.finish()

    assert await waiter
    assert bounds == [math.inf]


async def test_a_store_that_is_away_is_asked_again(
    hub: Hub, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "READ_AGAIN", Backoff(first_s=0, most_s=0))
    (waiter,) = waiting(hub)
    await subscribed(fake)
    fake.fail_with = OSError("away")
    before = fake.calls["statuses"]
    fake.current = ExecutionStatus.COMPLETED
    fake.wakeups_made[0].inbox.put_nowait(Wakeup(END, is_first=True))
    await until(lambda: fake.calls["statuses"] > before + 3)

    fake.fail_with = None

    assert await waiter


async def test_a_first_wait_that_ends_before_its_subscription_stands_leaves_one_that_works(
    hub: Hub, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_stand, watch = asyncio.Event(), FakeWakeups.watch

    async def slowly(wakeups: FakeWakeups, topic: Topic) -> None:
        await may_stand.wait()
        await watch(wakeups, topic)

    monkeypatch.setattr(FakeWakeups, "watch", slowly)
    fake.current = ExecutionStatus.COMPLETED
    assert await hub.wait_for_end(EXECUTION_ID, PATIENCE_S)
    fake.current = ExecutionStatus.RUNNING
    waiters = waiting(hub, 3)
    may_stand.set()
    await subscribed(fake)

    fake.finish()

    assert await asyncio.gather(*waiters) == [True] * 3


async def test_who_leaves_waits_no_longer(hub: Hub, fake: FakeEngine) -> None:
    gone = asyncio.get_running_loop().create_future()
    waiter = asyncio.ensure_future(hub.wait_for_end(EXECUTION_ID, PATIENCE_S, until=gone))
    await subscribed(fake)

    gone.set_result(None)

    assert not await waiter
    assert hub.waiters == 0
