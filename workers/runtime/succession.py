"""What a worker does for the one whose place it takes: attempts of the dead do not wait for their leases."""

from __future__ import annotations

import logging
import socket

from orchestrator.loops.leases import take_from_dead
from orchestrator.store.reader import Store
from orchestrator.store.script_client import STORE_FAULTS
from orchestrator.store.transitions import Transitions
from workers.runtime.settings import WorkerConfig

log = logging.getLogger("headrace.worker")


async def take_over(store: Store, transitions: Transitions, config: WorkerConfig) -> None:
    """Have all queued again that a dead worker had under way, and end its record.

    It is the worker of this name and machine whose instance `config.replaces` names. Where Redis cannot be
    asked just now its leases run out, as those of any other.
    """
    if not config.replaces:
        return
    mine = (config.replaces, config.name, socket.gethostname())
    try:
        for worker in await store.workers():
            if (worker.instance, worker.name, worker.host) == mine:
                await transitions.announce_worker(worker.worker_id, worker.queues)
                taken = await take_from_dead(store, transitions, worker.worker_id)
                log.info("worker.taken_over", extra={"dead": worker.worker_id, "attempts": taken})
    except STORE_FAULTS as error:
        log.warning("worker.take_over_failed", extra={"error": str(error)})
