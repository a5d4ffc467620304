"""Sends calls of scripts to Redis, and sends them again until they are answered.

Every script may be sent twice with the same arguments and then answers the same, so a call whose reply was
lost is sent again.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Generic, TypeVar

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from clients.redis_client import PASSING_FAULTS, why_away
from clients.redis_wire import Wire
from clients.waiting import Waiting, seconds_left
from headrace.backoff import Backoff
from orchestrator.errors import LayoutUnknown, StoreFull, StoreUnavailable
from orchestrator.redis_keys import Keys
from orchestrator.store.library import FAMILY, compose
from orchestrator.store.parts import Pace

log = logging.getLogger("headrace.store")

R = TypeVar("R")
Argument = str | bytes | int

#: Between two sends of the same call.
RESEND = Backoff(first_s=0.1, most_s=1.0, jitter=(0.5, 1.0))
#: Between two tries of what Redis could not be reached for.
UNREACHABLE = Backoff(first_s=0.05, most_s=1.0, jitter=(0.5, 1.0))
#: What reads and verbs raise when Redis cannot be reached, or refuses.
STORE_FAULTS = (RedisError, OSError, StoreUnavailable)
#: Those among them that say nothing about what was asked for: Redis is away, or answers "later".
STORE_OUTAGES = (*PASSING_FAULTS, StoreUnavailable)
#: Libraries of other versions that may stay in Redis.
MOST_LIBRARIES = 8
#: Between two log lines that say that there are executions of another layout: every call for one finds out.
TELL_S = 30.0
#: How a script refuses such an execution, see `open` in lua/include/base.lua.
_OTHER_LAYOUT = re.compile(r"LAYOUT (\S+) has layout (\S+), this library knows (\w+)")


class Call(Generic[R]):
    """One script with its arguments. Awaiting it sends it; it may be awaited again.

    client  what sends it.
    keys    what it names to Redis; one, but for a call that makes others.
    read    turns the raw reply into a value.
    """

    __slots__ = ("arguments", "client", "keys", "name", "read")

    def __init__(
        self,
        client: ScriptClient,
        name: str,
        keys: tuple[str, ...],
        arguments: tuple[Argument, ...],
        read: Callable[[Any], R],
    ) -> None:
        self.client = client
        self.name = name
        self.keys = keys
        self.arguments = arguments
        self.read = read

    def __await__(self) -> Generator[Any, None, R]:
        return self.client.call(self).__await__()


class ScriptClient:
    """Loads the library and calls its functions.

    patience_s  how long, by the clock, a call is sent again while Redis cannot be reached; None is for ever.
    now_ms      tests set it, and every script then takes it for Redis time; None is Redis time.
    """

    def __init__(self, redis: Redis, keys: Keys | None = None, *, patience_s: float | None = 5.0) -> None:
        self._redis = redis
        self.keys = keys or Keys()
        self.patience_s = patience_s
        self.now_ms: int | None = None
        self.library = compose(self.keys)
        self._wire = Wire(redis)
        self._pace = Pace()
        self._tell_s = 0.0

    async def load(self) -> None:
        """Load the library into Redis, unless it is there; `call_all` does so when Redis has lost it."""
        found = await self._redis.function_list(library=f"{FAMILY}*")
        names = {row[row.index(b"library_name") + 1].decode() for row in found}
        if self.library.name not in names:
            # Redis serves nobody for the hundredth of a second in which it compiles one.
            await self._redis.function_load(self.library.text, replace=True)
            names.add(self.library.name)
        # Every version of the code leaves a library behind. A process that still runs an older one loads it
        # again.
        for name in names if len(names) > MOST_LIBRARIES else ():
            if name != self.library.name:
                await self._redis.function_delete(name)

    async def let_go(self) -> None:
        """Give the connections it keeps back to the client, which others go on using."""
        await self._wire.let_go()

    async def call(self, call: Call[R]) -> R:
        """Send one call until it is answered. Raises StoreUnavailable, StoreFull."""
        return (await self.call_all([call]))[0]  # type: ignore[no-any-return]

    async def call_all(self, calls: Sequence[Call[Any]], *, are_apart: bool = False) -> list[Any]:
        """Send calls in one round trip; answers in their order. What got no answer is sent again.

        Raises StoreUnavailable when patience ends. An error of a single call (StoreFull, when Redis takes no
        new work; any other is a fault of ours) is raised too, unless are_apart: then it stands in its
        answer's place, so that it never fails its neighbours.
        """
        replies: list[Any] = [None] * len(calls)
        open_calls = list(range(len(calls)))
        tries = 0
        give_up_s = math.inf if self.patience_s is None else time.monotonic() + self.patience_s
        while True:
            tries += 1
            try:
                answers = await self._send([calls[i] for i in open_calls])
            except PASSING_FAULTS as error:
                answers = [error] * len(open_calls)
            unanswered: list[int] = []
            fault: Exception | None = None
            must_load = False
            for i, answer in zip(open_calls, answers, strict=True):
                if not isinstance(answer, Exception):
                    replies[i] = calls[i].read(answer)
                elif _is_passing(answer):
                    unanswered.append(i)
                    must_load = must_load or _is_missing(answer)
                    fault = answer
                else:
                    replies[i] = refused(calls[i], answer)
            if not unanswered:
                return replies if are_apart else _without_faults(replies)
            open_calls = unanswered
            if must_load and await self._has_loaded():
                continue
            pause_s = RESEND.pause_s(tries)
            # The time of the request may end before the patience does.
            if time.monotonic() >= give_up_s or seconds_left(math.inf) <= pause_s:
                raise StoreUnavailable(why_away(fault) if fault else "it gives no answer") from fault
            log.warning("store.resend", extra={"calls": len(open_calls), "error": str(fault)})
            async with Waiting(None):
                await asyncio.sleep(pause_s)

    async def _has_loaded(self) -> bool:
        try:
            await self.load()
        except (RedisError, OSError) as error:
            log.warning("store.load_failed", extra={"error": str(error)})
            return False
        return True

    def tell(self, error: LayoutUnknown) -> None:
        """Log that an execution belongs to another version, unless another one was named just before."""
        if time.monotonic() >= self._tell_s:
            self._tell_s = time.monotonic() + TELL_S
            log.warning(
                "store.layout_unknown",
                extra={
                    "execution_id": error.execution_id,
                    "layout": error.found,
                    "known": error.known,
                    "cure": "run the version that knows it until its executions have ended",
                },
            )

    async def _send(self, calls: Sequence[Call[Any]]) -> list[Any]:
        """Send calls in as few parts as can each be answered in time; errors stand for answers not got.

        Raises what kept the first part from being answered.
        """
        now = "" if self.now_ms is None else self.now_ms
        function = self.library.function
        commands = [
            ("FCALL", function(call.name), len(call.keys), *call.keys, now, *call.arguments) for call in calls
        ]
        if len(commands) == 1:
            return await self._wire.send(commands)
        sizes = [size_of(call) for call in calls]
        answers: list[Any] = []
        for part in self._pace.parts(sizes):
            try:
                answers += await self._wire.send(commands[part.start : part.stop])
            except (RedisError, OSError) as error:
                if isinstance(error, RedisTimeoutError):
                    self._pace.unanswered(sum(sizes[part.start : part.stop]))
                if not answers:
                    raise
                return answers + [error] * (len(calls) - len(answers))
            self._pace.answered()
        return answers


def refused(call: Call[Any], error: Exception) -> Exception:
    """Give the fault of one call, which says nothing about others.

    That is its own, that of a full store, or that its execution belongs to another version.
    """
    if found := _OTHER_LAYOUT.match(str(error)):
        fault = LayoutUnknown(*found.groups())
        call.client.tell(fault)
        return fault
    log.error("store.fault", extra={"verb": call.name, "error": str(error)})
    return StoreFull() if isinstance(error, OutOfMemoryError) else error


async def retry_while_unavailable(work: Callable[[], Awaitable[R]]) -> R:
    """Repeat what Redis could not be reached for, for ever: an outage is no fault of the node that asks."""
    tries = 0
    while True:
        try:
            return await work()
        except PASSING_FAULTS as error:
            log.warning("store.unreachable", extra={"error": str(error)})
        tries += 1
        await asyncio.sleep(UNREACHABLE.pause_s(tries))


def _without_faults(replies: list[Any]) -> list[Any]:
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def size_of(call: Call[Any]) -> int:
    """Bytes of a call's arguments, of those that may be large."""
    return sum([len(part) for part in call.arguments if type(part) is bytes])


def is_fault(answer: Any) -> bool:
    """Say whether a call has failed by what its own execution is like, not by what Redis is like now."""
    return isinstance(answer, Exception) and not isinstance(answer, (StoreFull, *STORE_OUTAGES))


def _is_missing(error: Exception) -> bool:
    """Say whether Redis does not have the library: it was restarted without its data, or failed over."""
    return isinstance(error, ResponseError) and "Function not found" in str(error)


def _is_passing(error: Exception) -> bool:
    """Say whether Redis means "later": the call then has not failed, it has not been answered."""
    return isinstance(error, PASSING_FAULTS) or _is_missing(error)
