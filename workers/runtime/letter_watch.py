"""Wakes attempts that wait for letters: one subscription for a worker, made when the first one waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from orchestrator.store.subscription import EventSubscription, Topic


class LetterWatch:
    """Everything here runs in the worker's event loop.

    subscribe  makes the subscription.
    """

    def __init__(self, subscribe: Callable[[], EventSubscription]) -> None:
        self._subscribe = subscribe
        self._subscription: EventSubscription | None = None
        self._waking: asyncio.Task[None] | None = None
        self._waiters: dict[str, set[asyncio.Event]] = {}
        #: Executions that are subscribed to.
        self._standing: set[str] = set()
        # An end of watching that overtakes the next beginning would leave that without wake-ups.
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def watched(self, execution_id: str) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set whenever something has happened in an execution.

        It is set for the first time once nothing more can be missed: look after each time.
        """
        woken = asyncio.Event()
        waiters = self._waiters.setdefault(execution_id, set())
        waiters.add(woken)
        try:
            async with self._turn:
                if self._subscription is None:
                    self._subscription = self._subscribe()
                    self._waking = asyncio.create_task(self._wake(self._subscription))
                if execution_id in self._standing:
                    woken.set()
                else:
                    await self._subscription.watch(Topic(execution_id))
                    self._standing.add(execution_id)
            yield woken
        finally:
            waiters.discard(woken)
            if not waiters and self._waiters.get(execution_id) is waiters:
                del self._waiters[execution_id]
                await asyncio.shield(asyncio.create_task(self._let_go(execution_id)))

    async def _let_go(self, execution_id: str) -> None:
        async with self._turn:
            if execution_id not in self._waiters and self._subscription is not None:
                self._standing.discard(execution_id)
                await self._subscription.unwatch(Topic(execution_id))

    async def _wake(self, subscription: EventSubscription) -> None:
        async for wakeup in subscription:
            # After a reconnection anything may have been missed.
            named = self._waiters if wakeup is None else [wakeup.topic.execution_id]
            for each in list(named):
                for woken in self._waiters.get(each, ()):
                    woken.set()

    async def aclose(self) -> None:
        """End the subscription, if there is one."""
        if self._waking is not None:
            self._waking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._waking
        if self._subscription is not None:
            await self._subscription.aclose()
