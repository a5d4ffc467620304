"""Ends that the process is told of since the start, with what the executions came to."""

import asyncio

import pytest

from api.starts import told_of
from api.streaming.hub import Hub
from orchestrator.operations.events import Topic, Wakeup
from orchestrator.operations.results import Submitted
from orchestrator.states import ExecutionStatus
from tests.patience import PATIENCE_S
from tests.unit.api.fakes import END, EXECUTION_ID, FakeEngine
from tests.unit.api.streaming.watching import subscribed, told, until, waiting


async def test_what_was_started_with_the_channel_of_the_process_is_not_subscribed_to(
    hub: Hub, fake: FakeEngine
) -> None:
    wakeups = await told(hub, fake)
    before = fake.calls["statuses"]
    with hub.expecting() as expected:
        assert expected.channel == wakeups.own_channel
        waiter = asyncio.ensure_future(hub.wait_for_end(EXECUTION_ID, PATIENCE_S, expected=expected))
        await until(lambda: hub.waiters == 1)
        assert not wakeups.watched

        wakeups.inbox.put_nowait(Wakeup(END))

        assert await waiter
    assert fake.calls["statuses"] == before


async def test_an_end_that_is_heard_before_the_start_is_answered_counts(hub: Hub, fake: FakeEngine) -> None:
    wakeups = await told(hub, fake)
    with hub.expecting() as expected:
        wakeups.inbox.put_nowait(Wakeup(END))
        await until(lambda: bool(expected.ended))

        assert await hub.wait_for_end(EXECUTION_ID, PATIENCE_S, expected=expected)


async def test_what_was_missed_during_a_start_is_looked_at(hub: Hub, fake: FakeEngine) -> None:
    wakeups = await told(hub, fake)
    with hub.expecting() as expected:
        wakeups.inbox.put_nowait(None)
        await until(lambda: expected.channel is None)
        fake.current = ExecutionStatus.COMPLETED

        assert await hub.wait_for_end(EXECUTION_ID, PATIENCE_S, expected=expected)


async def test_without_a_subscription_there_is_no_channel(hub: Hub) -> None:
    with hub.expecting() as expected:
        assert expected.channel is None


async def test_a_start_hears_of_an_end_that_somebody_else_waits_for(hub: Hub, fake: FakeEngine) -> None:
    await told(hub, fake)
    with hub.expecting() as expected:
        (other,) = waiting(hub)
        await subscribed(fake)
        fake.finish()
        assert await other

        assert list(expected.ended) == [EXECUTION_ID]
        assert await hub.wait_for_end(EXECUTION_ID, PATIENCE_S, expected=expected)


async def test_one_that_is_known_keeps_no_ends_of_others(hub: Hub, fake: FakeEngine) -> None:
    wakeups = await told(hub, fake)
    with hub.expecting() as expected:
        waiter = asyncio.ensure_future(hub.wait_for_end(EXECUTION_ID, PATIENCE_S, expected=expected))
        await until(lambda: hub.waiters == 1)
        wakeups.inbox.put_nowait(Wakeup(Topic("another", is_end=True)))
        wakeups.inbox.put_nowait(Wakeup(END))

        assert await waiter
        assert not expected.ended


@pytest.mark.parametrize("is_early", [False, True])
async def test_who_asked_for_the_outcome_is_told_with_the_end(
    hub: Hub, fake: FakeEngine, is_early: bool
) -> None:
    wakeups = await told(hub, fake)
    with hub.expecting() as expected:
        assert expected.asking == f"{wakeups.own_channel} outcome"
        if is_early:
            wakeups.inbox.put_nowait(Wakeup(END, told=b"outcome"))
            await until(lambda: bool(expected.ended))
        waiter = asyncio.ensure_future(hub.wait_for_end(EXECUTION_ID, PATIENCE_S, expected=expected))
        if not is_early:
            await until(lambda: hub.waiters == 1)
            wakeups.inbox.put_nowait(Wakeup(Topic("another", is_end=True), told=b"of another"))
            wakeups.inbox.put_nowait(Wakeup(END, told=b"outcome"))

        assert await waiter
        assert expected.told == b"outcome"


async def test_what_was_told_of_an_end_before_a_retry_is_no_answer(hub: Hub, fake: FakeEngine) -> None:
    wakeups = await told(hub, fake)
    with hub.expecting() as expected:
        (other,) = waiting(hub)
        await subscribed(fake)
        waiter = asyncio.ensure_future(hub.wait_for_end(EXECUTION_ID, PATIENCE_S, expected=expected))
        await until(lambda: hub.waiters == 2)
        before = fake.calls["statuses"]
        wakeups.inbox.put_nowait(Wakeup(END, told=b"outcome"))  # It runs again when this is looked at.
        await until(lambda: fake.calls["statuses"] > before and not expected.told)

        fake.current = ExecutionStatus.COMPLETED
        wakeups.inbox.put_nowait(None)

        assert await waiter and await other
        assert expected.told == b""


async def test_a_start_that_was_there_keeps_no_ends_of_others(hub: Hub, fake: FakeEngine) -> None:
    wakeups = await told(hub, fake)
    with hub.expecting() as expected:
        wakeups.inbox.put_nowait(Wakeup(END, told=b"outcome"))
        await until(lambda: bool(expected.ended))

        assert told_of(Submitted(EXECUTION_ID, ExecutionStatus.RUNNING, True), expected) is None
        wakeups.inbox.put_nowait(Wakeup(END, told=b"outcome"))
        wakeups.inbox.put_nowait(Wakeup(END, is_first=True))
        await until(lambda: wakeups.inbox.empty())

        assert not expected.ended
