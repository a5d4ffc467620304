"""A worker process: reads tasks, runs attempts within its slots, renews their leases, records their ends.

`python -m workers.worker`. SIGTERM and SIGINT drain it: nothing new is claimed, running attempts may finish
within DRAIN_S, the rest is handed back uncharged.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from redis import Redis as ThreadedRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from clients.redis_client import connect_blocking, connect_threaded
from config import get_settings
from headrace.backoff import Backoff
from logs import run_process
from orchestrator.operations.children import Children
from orchestrator.redis_keys import Keys
from orchestrator.store.reader import Store
from orchestrator.store.requests import AttemptToken
from orchestrator.store.subscription import EventSubscription
from orchestrator.store.transitions import Transitions
from wiring import connect_when_usable, keys_of, limits_of
from workers.context import HandlerContext, Toolbox
from workers.handlers import Catalogue
from workers.hosts.held_up import watch_loops
from workers.hosts.pool import HandlerHosts
from workers.hosts.reloading import watch_files
from workers.registry import default_retry, names
from workers.runtime.announcement import Announcement
from workers.runtime.attempts import Attempts
from workers.runtime.brought_workflows import BroughtWorkflows
from workers.runtime.budget_meter import MeterFactory
from workers.runtime.claims import Claims
from workers.runtime.delivery_duty import DeliveryDuty
from workers.runtime.durable import Durables
from workers.runtime.heartbeat import Heartbeat
from workers.runtime.letter_watch import LetterWatch
from workers.runtime.map_items import OWN
from workers.runtime.redaction import hide_secrets
from workers.runtime.runner import Runner
from workers.runtime.settings import WorkerConfig, toolbox, worker_config
from workers.runtime.shares import Shares
from workers.runtime.shutdown import Shutdown, cancel_all
from workers.runtime.stand_in import stand_in
from workers.runtime.succession import take_over
from workers.runtime.task_reader import TaskReader
from workers.runtime.waiting_line import unit_of

log = logging.getLogger("headrace.worker")

#: One blocking read; also the longest a drain waits for it.
BLOCK_MS = 1_000
#: How long a drain waits for ends that are being written.
RECORDING_S = 2.0
#: How long to wait for a slot before looking again: a task may have ended that no attempt waited for.
SLOT_WAIT_S = 0.5
#: Beyond the time for draining: what runs in hosts is killed then.
HOSTS_LEAVE_S = 1.0
#: After reading tasks has failed.
READ_AGAIN = Backoff(first_s=0.05, most_s=1.0)


class Worker:
    """Runs until `drain` is called.

    redis, blocking  clients for scripts and for blocking reads.
    renewing         a client for the heartbeat's own thread.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        blocking: Redis,
        renewing: ThreadedRedis,
        config: WorkerConfig,
        keys: Keys | None = None,
        tools: Toolbox | None = None,
    ) -> None:
        self.config = config
        self.keys = keys or Keys()
        # Unique whatever the name is: leases, liveness and logs must not mix two workers of one name.
        self.worker_id = f"{re.sub(r'[^A-Za-z0-9_.-]', '-', config.name)[:80]}.{uuid.uuid4().hex[:8]}"
        self.transitions = Transitions(redis, self.keys, patience_s=None)
        self.store = Store(redis, self.keys, default_retry=default_retry)
        self.shares = Shares(config.queues)
        self.reader = TaskReader(blocking, self.keys, consumer=config.name, shares=self.shares)
        self.tools = tools or Toolbox()
        self.heartbeat = Heartbeat(
            renewing, self.transitions, worker_id=self.worker_id, lease_ms=config.lease_ms,
            on_stop=lambda token, cause: self.attempts.stop(token, cause),
            announce=lambda: self.announcement.call(), on_announced=self.shares.update,
        )  # fmt: skip
        self.hosts = HandlerHosts(
            config.hosts, built_in=lambda: names() | OWN.keys(), on_free=lambda: self.claims.serve_line(),
            on_leftover=lambda task, context: self.runner.leftovers.add_in_host(task, _unit(context)),
        )  # fmt: skip
        watch = LetterWatch(lambda: EventSubscription(blocking, self.keys))
        self.durables = Durables(self.transitions, self.store.journals, watch)
        self.runner = Runner(
            worker_id=self.worker_id, tools=self.tools, items=self.store.items,
            durables=self.durables, interfaces=self.store.interfaces, max_bytes=config.output_max_bytes,
            hosts=self.hosts,
            meter=MeterFactory(self.transitions, config.tenant_daily).meter,
            children=Children(self.store, self.transitions, catalogue=Catalogue, limits=config.limits),
        )  # fmt: skip
        self.attempts = Attempts(
            transitions=self.transitions, runner=self.runner, heartbeat=self.heartbeat,
            output_max_bytes=config.output_max_bytes,
            claiming=lambda ended: self.claims.take(ended), fill=self.store.claim_texts.fill,
            hand_back=lambda task: self.claims.put_in_line(task),
            **self._hooks(),
        )  # fmt: skip
        self.deliveries = DeliveryDuty(
            self.store, self.transitions, tools=self.tools, limits=config.limits, is_on=config.deliveries
        )
        self.claims = Claims(
            config, self.worker_id, store=self.store, transitions=self.transitions, reader=self.reader,
            shares=self.shares, hosts=self.hosts, leftovers=self.runner.leftovers, start=self.attempts.start,
            running=self._running, on_claimed=self.attempts.slot_freed.set,
        )  # fmt: skip
        self.announcement = Announcement(
            config, self.worker_id, transitions=self.transitions, shares=self.shares, hosts=self.hosts,
            leftovers=self.runner.leftovers, redactor=self.runner.redactors.all, running=self._running,
            brought=BroughtWorkflows(self.store, self.transitions, limits=config.limits),
            configured=self.tools.names(),
        )  # fmt: skip
        self._draining = asyncio.Event()

    def _running(self) -> int:
        return len(self.attempts.running)

    async def run(self) -> None:
        """Work until drained. Redis may come and go meanwhile."""
        self.hosts.start()
        self.shares.update(await self.announcement.call())
        self.heartbeat.start()
        log.info("worker.started", extra={"worker_id": self.worker_id, "slots": self.config.concurrency})
        reader = asyncio.create_task(self._read_tasks())
        duties = (
            self.attempts.record_ends(),
            self.attempts.send_lines(),
            stand_in(self.store, self.transitions, worker_id=self.worker_id, lease_ms=self.config.lease_ms),
            self.deliveries.run(),
            self.announcement.publish_cards(),
            watch_files(self.hosts),
            watch_loops(self.hosts),
            self.heartbeat.keep_turning(),
        )
        others = [asyncio.create_task(duty) for duty in duties]
        taking_over = asyncio.create_task(take_over(self.store, self.transitions, self.config))
        try:
            await self._until_draining(reader, *others)
            # Bounded, each of them: Redis may be away just now, and leases run out by themselves.
            await asyncio.wait([reader], timeout=BLOCK_MS / 1000 + RECORDING_S)
            await self._drain()
        finally:
            await cancel_all([reader, taking_over, *others])
            # Last of all: a beat that stopped first would let attempts that still run be taken away.
            self.heartbeat.stop()
            await asyncio.to_thread(self.heartbeat.join, RECORDING_S)
            await self.hosts.close()
            await self.durables.aclose()
            await self.tools.aclose()
        await self._leave()
        log.info("worker.stopped", extra={"worker_id": self.worker_id})

    async def _until_draining(self, *duties: asyncio.Task[None]) -> None:
        """Wait for `drain`. Raises what a duty raised: without it the worker would only seem to work."""
        draining = asyncio.create_task(self._draining.wait())
        done, _ = await asyncio.wait([draining, *duties], return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
        for duty in done - {draining}:
            duty.result()

    def _hooks(self) -> dict[str, Callable[..., Any]]:
        """What hosts have to know of every attempt; nothing where the installation has no handlers."""
        if not self.config.hosts.modules:
            return {}
        hold = self.hosts.places.hold
        return {"on_start": lambda token, handler: hold(unit_of(token), handler), "on_end": self._freed}

    def _freed(self, token: AttemptToken) -> None:
        """Let the line have the slot of an attempt that has ended."""
        self.hosts.places.let_go(unit_of(token))
        self.claims.serve_line()

    def drain(self) -> None:
        """Claim nothing more; let `run` end when what runs has finished or been handed back."""
        self._draining.set()
        self.claims.is_over = True
        self.attempts.slot_freed.set()
        # However long it takes to leave: by then no code of the installation runs any more.
        asyncio.get_running_loop().call_later(self.config.drain_s + HOSTS_LEAVE_S, self.hosts.end)

    def left(self) -> list[str]:
        """Name what has not ended, `execution/node`: attempts, and what outlives one."""
        running = (f"{token.execution_id}/{token.node_id}" for token in list(self.attempts.running))
        return [*running, *self.runner.leftovers.units()]

    def hand_back_now(self) -> None:
        """Hand back all attempts and leave, without the event loop; from any thread."""
        self.hosts.kill()
        for call in self.attempts.release_calls(list(self.attempts.running.values())):
            self.heartbeat.send(call)
        self.heartbeat.send(self.transitions.announce_worker(self.worker_id, self.config.queues))

    async def _drain(self) -> None:
        deadline_s = time.monotonic() + self.config.drain_s
        try:
            async with asyncio.timeout(RECORDING_S):
                await self.claims.end()
        except (TimeoutError, RedisError, OSError):
            pass  # Others take over what waits in line after some seconds.
        while self.attempts.running and time.monotonic() < deadline_s:
            await asyncio.sleep(0.01)
        await self.deliveries.drain(max(0.0, deadline_s - time.monotonic()))
        handed_back = 0
        try:
            async with asyncio.timeout(RECORDING_S):
                handed_back = await self.attempts.release_all()
        except TimeoutError:
            log.warning("worker.not_handed_back", extra={"worker_id": self.worker_id})
        while self.attempts.is_recording and time.monotonic() < deadline_s + RECORDING_S:
            await asyncio.sleep(0.01)
        if handed_back:
            log.info("worker.handed_back", extra={"worker_id": self.worker_id, "attempts": handed_back})

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(2):
                await self.transitions.announce_worker(self.worker_id, self.config.queues)
        except TimeoutError:
            pass  # The record expires by itself.

    async def _read_tasks(self) -> None:
        tries = 0
        is_open = False
        while not self._draining.is_set():
            free = self.claims.free_slots
            if free <= 0:
                await self.attempts.wait_for_slot(SLOT_WAIT_S)
                continue
            try:
                if not is_open:
                    await self.reader.open()
                    is_open = True
                # Half of what is free: the other half is for what a recording can take on the way.
                self.claims.reading = (free + 1) // 2
                deliveries = await self.reader.read(self.claims.reading, block_ms=BLOCK_MS)
                await self.claims.claim(deliveries)
                # What was claimed begins before more is asked for.
                await asyncio.sleep(0)
                tries = 0
            except (RedisError, OSError) as error:
                log.warning("worker.read_failed", extra={"worker_id": self.worker_id, "error": str(error)})
                tries += 1
                await asyncio.sleep(READ_AGAIN.pause_s(tries))
                is_open = False
            finally:
                self.claims.reading = 0


def _unit(context: HandlerContext) -> AttemptToken:
    return AttemptToken(context.execution_id, context.node_id, context.attempt, "")


async def main() -> None:
    """Run one worker as the settings say. Raises ConfigError where Redis cannot be used."""
    settings = get_settings()
    worker = Worker(
        redis=await connect_when_usable(settings),
        blocking=connect_blocking(settings.redis_dsn),
        renewing=connect_threaded(settings.redis_dsn),
        config=worker_config(settings, limits_of(settings)),
        keys=keys_of(settings),
        tools=toolbox(settings),
    )
    hide_secrets(worker.runner.redactors.all)
    await Shutdown(worker, drain_s=settings.drain_s).watch(worker.run())


if __name__ == "__main__":
    run_process(main, get_settings)
