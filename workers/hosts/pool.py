"""The handler hosts of a worker: how many there are, which is free, and when one is replaced."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workers.cards import HandlerCard
from workers.context import HandlerContext
from workers.hosts.host import Host, Kind
from workers.hosts.launch import HostSettings
from workers.hosts.offer import Offer, OfferRefused, read_offer
from workers.hosts.places import Places
from workers.hosts.start_failures import StartFailures

log = logging.getLogger("headrace.hosts")

#: What is left to hosts when their worker ends.
CLOSING_S = 0.5


class HandlerHosts:
    """All hosts of one worker. Everything here runs in its event loop, in the main thread.

    built_in     names that belong to the engine.
    on_free      called when an attempt may be claimed that could not before.
    on_leftover  called with a task that lasts as long as the code of an attempt that is over, and its unit.
    """

    def __init__(
        self,
        settings: HostSettings,
        *,
        built_in: Callable[[], frozenset[str]],
        on_free: Callable[[], None] = lambda: None,
        on_leftover: Callable[[asyncio.Task[Any], HandlerContext], None] = lambda task, context: None,
    ) -> None:
        self.settings = settings
        self._built_in = built_in
        self.places = Places(self._takers, self.kind_of, on_free=on_free, on_leftover=on_leftover)
        self._hosts: list[Host] = []
        self._sizes: dict[Kind, int] = {}
        #: That of the newest host that loaded.
        self.offer: Offer | None = None
        #: Why the newest one did not; None once one does.
        self.refusal: Mapping[str, Any] | None = None
        self.generation = 0
        self._failures = StartFailures()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._changed = asyncio.Event()

    # What there is

    @property
    def cards(self) -> Mapping[str, HandlerCard]:
        """Handlers that can be run here, by every name they have."""
        if self.offer is None:
            return {}
        has_any = any(host.state == "ready" for host in self._hosts)
        # A host that has died is replaced at once: what it offered is not taken back for that moment.
        return self.offer.cards if has_any or not self._failures.count else {}

    @property
    def is_loading(self) -> bool:
        """Whether it is not known yet what is offered here: the first host has neither loaded nor failed."""
        return bool(self.settings.modules) and self.offer is None and self.refusal is None

    def kind_of(self, handler: str) -> Kind | None:
        """The kind of host that runs a handler; None where none does."""
        card = self.cards.get(handler)
        return None if card is None else "async" if card.is_async else "sync"

    def _takers(self, kind: Kind) -> Iterable[Host]:
        newest = max(
            (host.generation for host in self._hosts if host.kind == kind and host.state == "ready"),
            default=0,
        )
        return (host for host in self._hosts if host.kind == kind and host.generation == newest)

    def wake_for(self, handler: str) -> None:
        """Wake a host that sleeps, for an attempt that is about to be claimed."""
        if self.kind_of(handler) == "async":
            host = max(self._takers("async"), key=lambda host: host.free, default=None)
            if host is not None and host.free:
                host.wake()

    def running(self, kind: Kind) -> list[Host]:
        """The hosts of a kind in which attempts may run."""
        return [host for host in self._hosts if host.kind == kind and host.state in ("ready", "draining")]

    @property
    def held_up(self) -> int:
        """How many hosts are held up and have been replaced, or are being."""
        return sum(host.is_held_up and host.is_retiring for host in self._hosts)

    async def changed(self, within_s: float) -> None:
        """Wait until what is offered may have changed, or until the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        # Behind the wait: what has changed while nobody waited is not to be missed.
        self._changed.clear()

    def describe(self) -> list[dict[str, Any]]:
        """Show the hosts: kind, pid, state, and what each runs since when."""
        return [host.describe() for host in list(self._hosts)]

    # Their number

    def start(self) -> None:
        """Start what the settings ask for; the first host tells which kinds are needed."""
        if self.settings.modules:
            self._adjust()

    def reload(self) -> None:
        """Start hosts that load the modules afresh; the present ones go once these are ready, not before."""
        if self._is_closed:
            return
        self.generation += 1
        self._failures.clear()
        if self._timer is not None:  # A pause after what did not load ends with the file that was saved.
            self._timer.cancel()
            self._timer = None
        for host in self._hosts:
            if host.state == "starting":
                host.kill()
        self._adjust()

    def _adjust(self) -> None:
        """Start what is missing, unless it has to wait."""
        if self._is_closed or self._timer is not None:
            return
        if any(
            host.state == "starting" and (self._failures.count or not self._is_known) for host in self._hosts
        ):
            return  # What the first one loads is what the others would.
        if not self._is_known:
            self._start_one()
            return
        for kind, size in self._sizes.items():
            mine = [host for host in self._hosts if host.kind == kind and host.generation == self.generation]
            present = [host for host in mine if host.state in ("starting", "ready") and not host.is_retiring]
            for _ in range(size - len(present)):
                if not self._start_one(kind):
                    return

    @property
    def _is_known(self) -> bool:
        """Whether a host of this generation has loaded."""
        return self.offer is not None and self.offer.generation == self.generation

    def _start_one(self, kind: Kind | None = None) -> bool:
        """Start a host; False where the last ones did not load, and the next has to wait."""
        loop = asyncio.get_running_loop()
        if (wait_s := self._failures.wait_s(loop.time())) > 0:
            self._timer = loop.call_later(wait_s, self._start_later)
            return False
        host = Host(self.settings, self.generation, self._on_change)
        host.kind = kind
        self._hosts.append(host)
        try:
            host.start()
        except OSError as error:
            message = f"HANDLER_PYTHON cannot be run: {self.settings.python}: {error.strerror or error}"
            host.state, host.refusal = "gone", {"message": message, "traceback": ""}
            self._on_change(host)
            return False
        return True

    def _start_later(self) -> None:
        self._timer = None
        self._adjust()

    def _on_change(self, host: Host) -> None:
        if host.state != "ready" or host.capacity == 0:
            self._changed.set()
        if host.state == "ready" and host.capacity == 0:
            self._take_offer(host)
        elif host.state == "ready":
            self._retire_if_due(host)
        elif host.state == "gone":
            self._take_end(host)
        self.places.freed()

    def _take_offer(self, host: Host) -> None:
        """Let a host that has loaded serve, unless it offers what it may not."""
        assert host.offer is not None
        try:
            offer = read_offer(host.offer, host.generation, built_in=self._built_in())
        except OfferRefused as error:
            host.refusal = {"message": str(error), "traceback": "", "files": host.offer["files"]}
            host.kill()
            return
        if host.generation < self.generation:
            host.kill()
            return
        self.refusal = None
        self._failures.clear()
        if not self._is_known:
            self._know(offer)
        kind = host.kind or next(iter(self._sizes), None)
        if kind is None or kind not in self._sizes:
            host.kill()  # The modules declare no handler, or none of its kind any more.
        else:
            host.serve(kind, 1 if kind == "sync" else self.settings.concurrency)
            self._replace(host)
        self._adjust()

    def _know(self, offer: Offer) -> None:
        is_new = self.offer is None or offer.generation != self.offer.generation
        self.offer = offer
        kinds = {"async" if card.is_async else "sync" for card in offer.cards.values()}
        wanted: dict[Kind, int] = {"sync": self.settings.processes, "async": 1}
        self._sizes = {kind: size for kind, size in wanted.items() if kind in kinds}
        if is_new:
            log.info("hosts.loaded", extra={"handlers": sorted(offer.cards), "generation": offer.generation})
        for host in self._hosts:
            # A kind of which there are no handlers any more is not replaced.
            if host.generation < self.generation and host.kind not in self._sizes:
                host.drain()

    def _replace(self, newcomer: Host) -> None:
        """Let one host go for which this one has come."""
        others = [
            host
            for host in self._hosts
            if host.kind == newcomer.kind and host.state == "ready" and host is not newcomer
        ]
        old = [host for host in others if host.generation < newcomer.generation]
        # Of an older generation none may take attempts any more; of those to be recycled, one for one.
        for host in old or [host for host in others if host.is_retiring][:1]:
            host.drain()

    def _retire_if_due(self, host: Host) -> None:
        settings = self.settings
        is_old = 0 < settings.recycle_runs <= host.runs
        is_large = 0 < settings.recycle_mb * 1024 <= host.rss_kb
        if (is_old or is_large) and not host.is_retiring:
            fields = {"pid": host.pid, "runs": host.runs, "rss_mb": host.rss_kb // 1024}
            log.info("host.recycled", extra=fields)
            self.replace(host)

    def _take_end(self, host: Host) -> None:
        if host in self._hosts:
            self._hosts.remove(host)
        if host.refusal is not None and not self._is_closed and host.generation == self.generation:
            pause_s = self._failures.add(asyncio.get_running_loop().time())
            self.refusal = host.refusal
            fields = {name: host.refusal.get(name) for name in ("message", "hint", "traceback")}
            log.error(
                "hosts.not_loaded", extra={"error": fields.pop("message"), **fields, "again_in_s": pause_s}
            )
        self._adjust()

    def replace(self, host: Host) -> None:
        """Start another host in the place of one, which then gets nothing more."""
        if not (host.is_retiring or self._is_closed):
            host.is_retiring = True
            self._adjust()

    # Their end

    async def close(self) -> None:
        """End all hosts: what still runs is interrupted, and killed soon after."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        hosts = list(self._hosts)
        for host in hosts:
            if not host.calls:
                host.kill()
            for call in list(host.calls.values()):
                host.tell(call, "drain", hard=True)
        if running := [call.ended for host in hosts for call in host.calls.values()]:
            await asyncio.wait(running, timeout=CLOSING_S)
        self.end()
        if ends := [asyncio.create_task(host.gone()) for host in hosts]:
            await asyncio.wait(ends, timeout=CLOSING_S)

    def end(self) -> None:
        """End all processes at once, and start no other."""
        self._is_closed = True
        for host in self._hosts:
            host.is_leaving = True
        self.kill()

    def kill(self) -> None:
        """End all processes at once; from any thread."""
        for host in list(self._hosts):
            host.kill()
