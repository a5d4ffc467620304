"""Looks after timers and leases while no orchestrator does."""

from __future__ import annotations

import asyncio
import logging

from headrace.backoff import Backoff
from orchestrator.loops import leases, timers
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.worker")

#: Workers look after timers and leases themselves when no orchestrator has for this long.
STAND_IN_MS = 2_000
#: How often a worker looks whether one has; not all workers at once.
STAND_IN_EVERY = Backoff(first_s=1.0, most_s=1.0, jitter=(0.5, 1.0))


async def stand_in(store: Store, transitions: Transitions, *, worker_id: str, lease_ms: int) -> None:
    """Look now and then whether an orchestrator keeps time, and do its duties while none does."""
    while True:
        await asyncio.sleep(STAND_IN_EVERY.pause_s(0))
        try:
            now_ms, hold_ms, stamped = await transitions.stamp_tick(
                lease_ms=lease_ms, only_if_older_than_ms=STAND_IN_MS, is_stand_in=True
            )
            while stamped:
                await timers.run_once(store, transitions, now_ms)
                if now_ms >= hold_ms:
                    await leases.run_once(store, transitions, now_ms)
                await asyncio.sleep(0.25)
                # Keep an orchestrator's pace until another process stamps. A pause would look like an
                # outage, and hold the expiry of short leases for ever.
                if await store.tick_ms() != now_ms:
                    break
                now_ms, hold_ms, _ = await transitions.stamp_tick(lease_ms=lease_ms, is_stand_in=True)
        except Exception as error:
            log.warning("worker.stand_in_failed", extra={"worker_id": worker_id, "error": str(error)})
