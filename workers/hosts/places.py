"""The places in the hosts of a worker: kept for what is about to be claimed, taken, and waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from workers.context import HandlerContext
from workers.hosts.ends import GivenBack
from workers.hosts.host import Host, Kind
from workers.hosts.stopping import Stops
from workers.outcome import Outcome

#: How long a claimed attempt with a time limit may wait for its place, should the host have died meanwhile.
PLACE_S = 0.8

Unit = tuple[str, str, int]
KINDS: tuple[Kind, ...] = ("sync", "async")


class Places:
    """Who runs where.

    takers       the hosts of a kind that may be given attempts.
    kind_of      the kind of host that runs a handler; None where none does.
    on_free      called when an attempt may be claimed that could not before.
    on_leftover  called with a task that lasts as long as the code of an attempt that is over, and its unit.
    """

    def __init__(
        self,
        takers: Callable[[Kind], Iterable[Host]],
        kind_of: Callable[[str], Kind | None],
        *,
        on_free: Callable[[], None],
        on_leftover: Callable[[asyncio.Task[Any], HandlerContext], None],
    ) -> None:
        self._takers, self._kind_of, self._on_free = takers, kind_of, on_free
        self._stops = Stops(on_leftover)
        #: Units that have a place and have not taken it yet.
        self._held: dict[Unit, Kind] = {}
        self._waiting: dict[Kind, list[asyncio.Future[None]]] = {"sync": [], "async": []}

    def free(self, kind: Kind) -> int:
        """How many attempts of a kind could be claimed now."""
        held = sum(1 for each in self._held.values() if each == kind)
        return sum(host.free for host in self._takers(kind)) - held

    def hold(self, unit: Unit, handler: str) -> bool:
        """Keep a place for an attempt that is about to be claimed; False where none is free."""
        if unit in self._held:
            return True
        kind = self._kind_of(handler)
        if kind is None or self.free(kind) <= 0:
            return False
        self._held[unit] = kind
        return True

    def let_go(self, unit: Unit) -> None:
        """Give up the place of an attempt that has not taken it."""
        if self._held.pop(unit, None) is not None:
            self.freed()

    @asynccontextmanager
    async def entered(
        self, handler: str, context: HandlerContext, patience_s: float | None
    ) -> AsyncIterator[Callable[[Mapping[str, Any]], Any]]:
        """Take a place for an attempt, and give what runs it there: a function of its config.

        patience_s  how long it may wait for a host. Raises GivenBack where there is none by then.
        """
        unit = (context.execution_id, context.node_id, context.attempt)
        host = await self._taken(handler, unit, patience_s)

        async def run(config: Mapping[str, Any]) -> Outcome:
            context.last_beat_s = time.monotonic()
            call = host.begin(handler, config, context)
            return await self._stops.watch(host, call)

        yield run

    async def _taken(self, handler: str, unit: Unit, patience_s: float | None) -> Host:
        try:
            async with asyncio.timeout(patience_s):
                host = await self._free_host(handler)
        except BaseException as error:
            # The place it had, and a turn that has come just now, are for others.
            self._held.pop(unit, None)
            self.freed()
            if isinstance(error, TimeoutError):
                raise GivenBack("no process was free to run the handler") from None
            raise
        # From here to `begin` nothing is awaited.
        self._held.pop(unit, None)
        return host

    async def _free_host(self, handler: str) -> Host:
        """Wait for a host that has a place. Raises GivenBack where none runs the handler any more."""
        while True:
            kind = self._kind_of(handler)
            if kind is None:
                raise GivenBack("no process can run the handler just now")
            host = max(self._takers(kind), key=lambda each: each.free, default=None)
            if host is not None and host.free > 0:
                return host
            turn = asyncio.get_running_loop().create_future()
            self._waiting[kind].append(turn)
            try:
                await turn
            finally:
                if turn in self._waiting[kind]:
                    self._waiting[kind].remove(turn)

    def freed(self) -> None:
        """Give places to what waits for one."""
        for kind, turns in self._waiting.items():
            if not turns:
                continue
            for _ in range(min(len(turns), sum(host.free for host in self._takers(kind)))):
                turn = turns.pop(0)
                if not turn.done():
                    turn.set_result(None)
        self._on_free()
