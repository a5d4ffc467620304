"""Root of the orchestrator process: `python -m orchestrator.starter`. Any number may run at once."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Awaitable, Callable

from config import get_settings
from logs import run_process
from orchestrator.definitions.retention import Retention
from orchestrator.documents.json_schema import APART
from orchestrator.loops import leases, retention, timers
from orchestrator.loops.schedules import Schedules
from orchestrator.loops.sweep import Sweep
from orchestrator.operations.registered import Registered
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.store.reader import Store
from orchestrator.store.script_client import STORE_FAULTS
from orchestrator.store.transitions import Transitions
from wiring import connect_when_usable, keys_of, retention_of
from workers.handlers import Catalogue

log = logging.getLogger("headrace.orchestrator")

#: The sweep looks round this often, and so does retention; the other duties every tick.
SWEEP_S = 1.0


class Orchestrator:
    """Keeps time, starts what is due, repairs, counts and purges what has ended."""

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        *,
        tick_ms: int,
        lease_ms: int,
        sweep_idle_ms: int,
        kept: Retention | None = None,
    ) -> None:
        self.store = store
        self.transitions = transitions
        self.tick_ms = tick_ms
        self.lease_ms = lease_ms
        self.schedules = Schedules(store, transitions, Registered(store), SchemaChecks(effort=APART))
        self.kept = kept or Retention()
        self.sweep = Sweep(store, transitions, idle_ms=sweep_idle_ms)
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Do every duty at its interval until `stopping` is set."""
        await asyncio.gather(
            self._once("older executions", lambda: retention.tell_of_older(self.store)),
            self._once(
                "changed retention", lambda: retention.review(self.store, self.transitions, self.kept)
            ),
            self._repeat("timers", self.tick_ms / 1000, self.tick),
            self._repeat("schedules", self.tick_ms / 1000, self.fire_schedules),
            self._repeat("sweep", SWEEP_S, self.sweep_once),
            self._repeat("retention", SWEEP_S, self.retain),
        )

    async def tick(self) -> int:
        """Fire due timers and expire leases once; returns how many."""
        now_ms, hold_ms, _ = await self.transitions.stamp_tick(lease_ms=self.lease_ms)
        done = await timers.run_once(self.store, self.transitions, now_ms)
        if now_ms >= hold_ms:
            done += await leases.run_once(self.store, self.transitions, now_ms)
        return done

    async def sweep_once(self) -> int:
        return await self.sweep.run_once(await self.store.now_ms())

    async def fire_schedules(self) -> int:
        """Start what schedules are due for; returns how many executions."""
        return await self.schedules.run_once(await self.store.now_ms())

    async def retain(self) -> int:
        """Count what has ended, and purge what has been kept long enough; returns how many executions."""
        now_ms = await self.store.now_ms()
        return await retention.run_once(self.store, self.transitions, now_ms, kept=self.kept)

    async def _once(self, duty: str, work: Callable[[], Awaitable[int]]) -> None:
        """Do what is done at the start; `stopping` ends it in the middle."""

        async def stop(working: asyncio.Task[None]) -> None:
            await self.stopping.wait()
            working.cancel()

        working = asyncio.create_task(self._attempt(duty, work))
        watching = asyncio.create_task(stop(working))
        await asyncio.wait({working})
        watching.cancel()

    async def _attempt(self, duty: str, work: Callable[[], Awaitable[int]]) -> None:
        try:
            await work()
        except STORE_FAULTS as error:
            log.warning("orchestrator.duty_failed", extra={"duty": duty, "error": str(error)})
        except Exception:
            # A fault of ours in one duty, or about one execution, must not stop the clock for all others.
            log.exception("orchestrator.fault", extra={"duty": duty})

    async def _repeat(self, duty: str, interval_s: float, work: Callable[[], Awaitable[int]]) -> None:
        while not self.stopping.is_set():
            await self._attempt(duty, work)
            try:
                # Jitter keeps several orchestrators from doing the same at the same moment.
                async with asyncio.timeout(interval_s * (0.8 + 0.4 * random.random())):
                    await self.stopping.wait()
            except TimeoutError:
                pass


async def main() -> None:
    """Run one orchestrator as the settings say. Raises ConfigError where Redis cannot be used."""
    settings = get_settings()
    keys = keys_of(settings)
    redis = await connect_when_usable(settings)
    orchestrator = Orchestrator(
        Store(redis, keys, default_retry=Catalogue(frozenset()).default_retry),
        Transitions(redis, keys, patience_s=5.0),
        tick_ms=settings.tick_ms,
        lease_ms=settings.lease_ms,
        sweep_idle_ms=settings.sweep_idle_ms,
        kept=retention_of(settings),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, orchestrator.stopping.set)
    await orchestrator.run()
    await redis.aclose()


if __name__ == "__main__":
    run_process(main, get_settings)
