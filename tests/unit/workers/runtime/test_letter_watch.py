"""One subscription for all attempts that wait for letters, as long as any of them does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from orchestrator.store.subscription import EventSubscription, Topic, Wakeup
from workers.runtime.letter_watch import LetterWatch


class Subscription:
    """Remembers what it was asked to watch, and wakes as a test says."""

    def __init__(self) -> None:
        self.watched: list[str] = []
        self.calls: list[str] = []
        self.wakes: asyncio.Queue[Wakeup | None] = asyncio.Queue()
        self.is_closed = False

    async def watch(self, topic: Topic) -> None:
        self.watched.append(topic.execution_id)
        self.calls.append(f"watch {topic.execution_id}")
        self.wakes.put_nowait(Wakeup(topic, is_first=True))

    async def unwatch(self, topic: Topic) -> None:
        self.watched.remove(topic.execution_id)
        self.calls.append(f"unwatch {topic.execution_id}")

    async def aclose(self) -> None:
        self.is_closed = True

    async def __aiter__(self) -> AsyncIterator[Wakeup | None]:
        while True:
            yield await self.wakes.get()


def made() -> tuple[LetterWatch, list[Subscription]]:
    subscriptions: list[Subscription] = []

    def subscribe() -> EventSubscription:
        subscriptions.append(Subscription())
        return cast(EventSubscription, subscriptions[-1])

    return LetterWatch(subscribe), subscriptions


async def test_nothing_is_subscribed_to_before_somebody_waits() -> None:
    watch, subscriptions = made()

    await watch.aclose()

    assert subscriptions == []


async def test_those_who_wait_share_a_subscription_and_each_looks_first() -> None:
    watch, subscriptions = made()
    async with watch.watched("x") as first:
        await first.wait()
        async with watch.watched("x") as second, watch.watched("y") as other:
            await second.wait()
            await other.wait()
            for event in (first, second, other):
                event.clear()
            subscriptions[0].wakes.put_nowait(Wakeup(Topic("x")))
            await first.wait()
            await second.wait()
            assert not other.is_set()
        assert subscriptions[0].watched == ["x"]

    assert len(subscriptions) == 1
    assert subscriptions[0].calls == ["watch x", "watch y", "unwatch y", "unwatch x"]
    await watch.aclose()
    assert subscriptions[0].is_closed


async def test_after_a_reconnection_all_look_again() -> None:
    watch, subscriptions = made()
    async with watch.watched("x") as one, watch.watched("y") as other:
        for event in (one, other):
            await event.wait()
            event.clear()
        subscriptions[0].wakes.put_nowait(None)
        await one.wait()
        await other.wait()
    await watch.aclose()


async def test_who_begins_to_wait_while_another_ends_is_woken() -> None:
    watch, subscriptions = made()

    async def wait() -> None:
        async with watch.watched("x") as woken:
            await woken.wait()

    await asyncio.gather(*(wait() for _ in range(5)))
    await wait()

    assert subscriptions[0].watched == []
    await watch.aclose()
