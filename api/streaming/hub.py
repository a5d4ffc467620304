"""Every open stream and every wait of this process, over one subscription to the store.

A wake-up says only *that* an execution has something new; what is new is always read from its history, so
that a lost or repeated wake-up neither loses nor repeats a line.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from api.schemas.events import Wire
from api.streaming.channel import READ_AGAIN, Channel
from api.streaming.ends import Ends, Expected, give_up
from api.streaming.feed import Feed, FeedWatcher
from api.streaming.history import History
from api.streaming.listener import PING, Listener, Send
from api.streaming.watcher import Watcher
from headrace.backoff import Backoff
from orchestrator.engine import TenantEngine
from orchestrator.operations.events import EventSubscription, Topic

log = logging.getLogger("headrace.api.streaming")

#: What is watched is looked at this often even without a wake-up.
CHECK_EVERY_S = 5.0
#: What is waited for is looked at after this time, though its subscription may not stand yet.
LOOK_S = 0.05
#: At the end a task is cancelled again that has not ended by then.
CANCEL_AGAIN_S = 0.5
#: The credentials of open streams are looked at this often.
CREDENTIALS_EVERY_S = 0.5
#: After the tail of the subscription has ended.
TAIL_AGAIN = Backoff(first_s=1.0, most_s=1.0)
#: Sent once at the start: how long a client waits before it comes back.
RETRY = b"retry: 2000\n\n"

Done = TypeVar("Done")
Over = Callable[[set[str]], Awaitable[set[str]]]


class Hub:
    """The watchers of every execution. Built inside a running event loop; `close` gives everything back."""

    def __init__(self, engine: TenantEngine, *, over: Over | None = None) -> None:
        """Begin to look after streams.

        engine   sees the executions of all tenants: who asks here has been let in before.
        over     finds those of some credentials that open nothing any more; None where streams need none.
        """
        self.is_stopping = False
        self._engine = engine
        self._history = History(engine)
        self._channels: dict[str, Channel] = {}
        self._followers: dict[str, asyncio.Task[None]] = {}
        #: By tenant.
        self._feeds: dict[str, Feed] = {}
        self._lookers: dict[str, asyncio.Task[None]] = {}
        self._ends = Ends(lambda execution_ids: engine.executions.statuses(execution_ids))
        #: What subscribes to an execution, by its id, for all who wait for its end.
        self._awaiting: dict[str, asyncio.Task[None]] = {}
        self._wakeups: EventSubscription | None = None
        self._watched: set[Topic] = set()
        self._subscribing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._spawn(self._pulse())
        self._spawn(self._ends.run())
        if over is not None:
            self._spawn(self._end_streams_of_what_is_over(over))

    @property
    def watchers(self) -> int:
        """How many streams are open."""
        return len(self._listeners())

    @property
    def waiters(self) -> int:
        """How many wait for the end of an execution."""
        return len(self._ends)

    def join(
        self,
        execution_id: str,
        *,
        after: int,
        wire: Wire,
        send: Send | None = None,
        ping: bytes | None = PING,
        credential: str | None = None,
    ) -> Watcher:
        """Open a stream behind the line `after`; `send` lets the channel hand over what is new itself.

        ping        see `Watcher`.
        credential  the key or session that opened it: it ends with that.
        """
        channel = self._channels.get(execution_id)
        if channel is None:
            channel = self._channels[execution_id] = Channel(execution_id, self._engine, self._history)
            self._followers[execution_id] = self._spawn(self._follow(channel))
        watcher = Watcher(channel, after=after, wire=wire, send=send, ping=ping, credential=credential)
        channel.watchers.add(watcher)
        if self.is_stopping:
            watcher.close()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Close a stream; the last one to leave a history ends its subscription."""
        channel = watcher.channel
        channel.watchers.discard(watcher)
        if channel.watchers or self._channels.get(channel.execution_id) is not channel:
            return
        del self._channels[channel.execution_id]
        self._followers.pop(channel.execution_id).cancel()
        if not self.is_stopping:
            self._spawn(self._unsubscribe(Topic(channel.execution_id)))

    def join_feed(self, engine: TenantEngine, *, credential: str | None = None) -> FeedWatcher:
        """Open a stream of what changes in the lists of a tenant. All of one tenant share one feed.

        engine      sees that tenant's executions alone.
        credential  as in `join`.
        """
        feed = self._feeds.get(engine.tenant)
        if feed is None:
            feed = self._feeds[engine.tenant] = Feed(engine)
            self._lookers[engine.tenant] = self._spawn(feed.follow())
        watcher = FeedWatcher(feed, credential=credential)
        feed.watchers.add(watcher)
        if self.is_stopping:
            watcher.close()
        return watcher

    def leave_feed(self, watcher: FeedWatcher) -> None:
        """Close such a stream; with the last one of a tenant its feed ends."""
        feed = watcher.feed
        feed.watchers.discard(watcher)
        if not feed.watchers and self._feeds.get(feed.tenant) is feed:
            del self._feeds[feed.tenant]
            self._lookers.pop(feed.tenant).cancel()

    def expecting(self) -> AbstractContextManager[Expected]:
        """Begin to listen to the end of an execution before it is started, with this channel as its `waiter`.

        Nothing need be subscribed to or looked at then; see `wait_for_end`.
        """
        wakeups = self._wakeups
        return self._ends.expecting(wakeups.own_channel if wakeups and wakeups.is_standing else None)

    async def wait_for_end(
        self,
        execution_id: str,
        wait_s: float,
        *,
        until: asyncio.Future[Any] | None = None,
        expected: Expected | None = None,
    ) -> bool:
        """Wait for an execution to end; False when the time is over first, or the process stops.

        until     ends the wait, too: whoever waits has left.
        expected  of an execution that was started with its channel, and is new.
        An execution that does not exist, or no more, has ended.
        """
        if expected is not None and self._ends.was_heard(expected, execution_id):
            return True
        topic = Topic(execution_id, is_end=True)
        future = self._ends.join(execution_id, is_watched=topic in self._watched)
        if until is not None:
            until.add_done_callback(lambda gone: give_up(future))
        try:
            if expected is None or expected.channel is None:
                self._look_out(topic)
            async with asyncio.timeout(wait_s):
                return await future
        except TimeoutError:
            return False
        finally:
            if self._ends.leave(execution_id, future) and (task := self._awaiting.pop(execution_id, None)):
                task.cancel()
                if not self.is_stopping:
                    self._spawn(self._unsubscribe(topic))

    def _look_out(self, topic: Topic) -> None:
        """Have an end heard that nobody tells this process of, and one that has come before."""
        if topic.execution_id in self._awaiting or self.is_stopping:
            self._ends.mark(topic.execution_id)
        else:
            self._awaiting[topic.execution_id] = self._spawn(self._await_end(topic))

    def stop(self) -> None:
        """End every stream and wait now; clients come back, to this process or another, by Last-Event-ID."""
        self.is_stopping = True
        self._ends.stop()
        for listener in self._listeners():
            listener.close()

    async def close(self) -> None:
        """Give back everything the hub holds."""
        self.stop()
        tasks = set(self._tasks)
        while tasks:
            for task in tasks:
                task.cancel()
            # Again, where a cancel was swallowed on the way; see `Channel.follow`.
            _, tasks = await asyncio.wait(tasks, timeout=CANCEL_AGAIN_S)
        if self._wakeups is not None:
            await self._wakeups.aclose()

    async def _follow(self, channel: Channel) -> None:
        # Subscribed first, read second: what is written in between is seen twice rather than not at all.
        tries = 0
        while not await self._subscribe(Topic(channel.execution_id)):
            tries += 1
            await asyncio.sleep(READ_AGAIN.pause_s(tries))
        await channel.follow()

    async def _await_end(self, topic: Topic) -> None:
        if topic in self._watched:
            self._ends.mark(topic.execution_id)
            return
        # The first wake-up, when the subscription stands, has it looked at; where that takes long, this has.
        asyncio.get_running_loop().call_later(LOOK_S, self._ends.mark, topic.execution_id)
        tries = 0
        while not await self._subscribe(topic):
            self._ends.mark(topic.execution_id)
            tries += 1
            await asyncio.sleep(READ_AGAIN.pause_s(tries))

    async def _subscribe(self, topic: Topic) -> bool:
        # To its end, also when its caller has left by then, as one does whose execution has just ended: a
        # first subscription that is given up half-way would leave a connection without its tail, for good.
        return await asyncio.shield(self._spawn(self._subscribed(topic)))

    async def _subscribed(self, topic: Topic) -> bool:
        async with self._subscribing:
            try:
                is_first = self._wakeups is None
                wakeups = self._wakeups = self._wakeups or self._engine.events.subscribe()
                if topic not in self._watched:
                    await wakeups.watch(topic)
                    self._watched.add(topic)
                if is_first:
                    # Only now: reading and subscribing for the first time at once would open two connections.
                    self._spawn(self._tail(wakeups))
            except Exception as error:
                log.warning(
                    "stream.subscribe_failed",
                    extra={"execution_id": topic.execution_id, "error": str(error)},
                )
                return False
        return True

    async def _unsubscribe(self, topic: Topic) -> None:
        async with self._subscribing:
            # Somebody may have come back while this waited for the lock.
            if topic.execution_id in (self._ends if topic.is_end else self._channels):
                return
            if topic not in self._watched or self._wakeups is None:
                return
            self._watched.discard(topic)
            try:
                await self._wakeups.unwatch(topic)
            except Exception as error:
                log.warning(
                    "stream.unsubscribe_failed",
                    extra={"execution_id": topic.execution_id, "error": str(error)},
                )

    async def _tail(self, wakeups: EventSubscription) -> None:
        while True:
            try:
                async for wakeup in wakeups:
                    if wakeup is None:
                        self._history.forget()
                        self._mark_all(is_suspect=True)
                        self._ends.forget()
                        continue
                    execution_id, is_end = wakeup.topic
                    if is_end and wakeup.is_first:
                        self._ends.mark(execution_id)
                    elif is_end:
                        self._ends.end(execution_id, wakeup.told)
                    elif (channel := self._channels.get(execution_id)) is not None:
                        channel.mark()
            except Exception as error:
                log.warning("stream.tail_failed", extra={"error": str(error)})
            # The subscription mends itself; until it does, histories are looked at every CHECK_EVERY_S.
            await asyncio.sleep(TAIL_AGAIN.pause_s(0))

    async def _pulse(self) -> None:
        """Once a second: pings that are due, clients that are stuck, what was not looked at for a while."""
        rounds = 0
        while True:
            await asyncio.sleep(1.0)
            for listener in self._listeners():
                listener.tend()
            rounds += 1
            if rounds % CHECK_EVERY_S == 0:
                self._mark_all()
                self._ends.mark_all()

    async def _end_streams_of_what_is_over(self, over: Over) -> None:
        """End the streams of keys that were revoked, and of sessions that were closed."""
        while True:
            await asyncio.sleep(CREDENTIALS_EVERY_S)
            credentials = {each.credential for each in self._listeners() if each.credential}
            if not credentials:
                continue
            try:
                gone = await over(credentials)
            except Exception as error:
                log.warning("stream.keys_not_read", extra={"error": str(error)})
                continue
            for listener in self._listeners():
                if listener.credential in gone:
                    listener.close()

    def _listeners(self) -> list[Listener]:
        """All open listeners."""
        found: list[Listener] = [each for channel in self._channels.values() for each in channel.watchers]
        return found + [each for feed in self._feeds.values() for each in feed.watchers]

    def _mark_all(self, *, is_suspect: bool = False) -> None:
        for channel in self._channels.values():
            channel.mark(is_suspect=is_suspect)

    def _spawn(self, work: Coroutine[Any, Any, Done]) -> asyncio.Task[Done]:
        # In a context of its own: the request that comes first lends it neither its time nor its name.
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
