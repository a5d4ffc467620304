"""Claims the tasks of one worker: those it reads, those that wait for a host, those an end makes room for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from headrace.registration import HANDLER_REGISTRY
from orchestrator.definitions.branches import taker_of
from orchestrator.errors import ErrorType, LayoutUnknown, NodeError, StoreUnavailable
from orchestrator.store.reader import Store
from orchestrator.store.replies import REPLY_BYTES, Claim, Delivery
from orchestrator.store.requests import AttemptToken, ClaimRequest
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from workers.hosts.host import Kind
from workers.hosts.offer import Offer
from workers.hosts.places import KINDS
from workers.hosts.pool import HandlerHosts
from workers.registry import names
from workers.runtime.leftovers import Leftovers
from workers.runtime.map_items import OWN
from workers.runtime.settings import WorkerConfig
from workers.runtime.shares import Shares
from workers.runtime.task_reader import TaskReader
from workers.runtime.waiting_line import WaitingLine, unit_of

log = logging.getLogger("headrace.worker")

#: Tasks asked for in one call.
MOST_AT_ONCE = 64
#: With more tasks than this waiting for a host, nothing more is read: each of them is kept in memory.
MOST_IN_LINE = 1_000


class Claims:
    """A task is claimed when it can run at once: until a host is free, one that needs it waits unclaimed.

    start       runs what was claimed.
    running     how many attempts the worker runs.
    on_claimed  called when tasks have left the line.
    """

    def __init__(
        self,
        config: WorkerConfig,
        worker_id: str,
        *,
        store: Store,
        transitions: Transitions,
        reader: TaskReader,
        shares: Shares,
        hosts: HandlerHosts,
        leftovers: Leftovers,
        start: Callable[[Iterable[Claim]], None],
        running: Callable[[], int],
        on_claimed: Callable[[], None],
    ) -> None:
        self.line = WaitingLine(hosts)
        #: Slots that the read under way may fill.
        self.reading = 0
        #: Nothing more is claimed.
        self.is_over = False
        self._config, self._worker_id = config, worker_id
        self._store, self._transitions, self._reader = store, transitions, reader
        self._shares, self._hosts, self._leftovers = shares, hosts, leftovers
        self._start, self._running, self._on_claimed = start, running, on_claimed
        self._requests = 0
        #: Names of handlers as a claiming call takes them, for kinds of hosts that are free.
        self._texts: dict[tuple[Kind, ...], tuple[Offer | None, int, str]] = {}
        self._claiming: set[asyncio.Task[None]] = set()
        #: Tasks of the line that are being claimed.
        self._claiming_now = 0

    async def end(self) -> None:
        """Claim nothing more, and let other workers have what waits in line."""
        self.is_over = True
        await self._reader.leave_to_others(self.line.clear())

    async def claim(self, deliveries: list[Delivery]) -> None:
        """Claim what can be run, each task in its own call: one that is refused does not hold up the rest."""
        request = self._next_request()
        mine: list[Delivery] = []
        claims: list[Call[Claim | str]] = []
        others: list[Delivery] = []
        for number, task in enumerate(deliveries):
            if task.handler not in HANDLER_REGISTRY and task.handler not in OWN:
                if self._hosts.is_loading:
                    self.line.add(task)
                    continue
                if self._hosts.kind_of(task.handler) is None:
                    self._hosts.places.let_go(unit_of(task))
                    others.append(task)
                    continue
                if not self._hosts.places.hold(unit_of(task), task.handler):
                    self.line.add(task)
                    continue
            token = AttemptToken(task.execution_id, task.node_id, task.attempt, f"{request}.{number}")
            mine.append(task)
            claims.append(
                self._transitions.claim_node(
                    token,
                    message_id=task.message_id,
                    queue=task.queue,
                    worker_id=self._worker_id,
                    lease_ms=self._config.lease_ms,
                    most_bytes=REPLY_BYTES // len(deliveries),
                )
            )
        if mine:
            # Behind the claim, in the time that it takes.
            asyncio.get_running_loop().call_soon(self._hosts.wake_for, mine[0].handler)
        replies: Sequence[Any] = [None] * len(mine)
        try:
            replies = await self._transitions.call_all(claims, are_apart=True) if claims else []
        finally:
            for task, reply in zip(mine, replies, strict=True):
                if not isinstance(reply, Claim):
                    self._hosts.places.let_go(unit_of(task))
        self._start(reply for reply in replies if isinstance(reply, Claim))
        await self._reader.leave_to_others(
            [task for task, reply in zip(mine, replies, strict=True) if isinstance(reply, LayoutUnknown)]
        )
        await asyncio.gather(*(self._hand_back(task) for task in others))

    def serve_line(self) -> None:
        """Claim tasks that waited for a host, as far as one is free."""
        if self.is_over or not self.line or not (tasks := self.line.take(self._slots - self.reading)):
            return
        self._claiming_now += len(tasks)
        claim = asyncio.create_task(self._claim_waiting(tasks))
        self._claiming.add(claim)
        claim.add_done_callback(self._claiming.discard)

    async def _claim_waiting(self, tasks: list[Delivery]) -> None:
        try:
            await self.claim(tasks)
        except StoreUnavailable as error:
            # They are delivered again.
            log.warning("worker.claim_failed", extra={"worker_id": self._worker_id, "error": str(error)})
        finally:
            self._claiming_now -= len(tasks)
        self._on_claimed()

    async def put_in_line(self, task: Delivery) -> None:
        """Take a task that a recording read and did not claim: it waits for a host, or goes back."""
        if not self._hosts.is_loading and self._hosts.kind_of(task.handler) is None:
            await self._hand_back(task)
        else:
            self.line.add(task)
            self.serve_line()

    async def _hand_back(self, task: Delivery) -> None:
        """Give back a task that needs a handler this worker does not have."""
        unit = (task.execution_id, task.node_id)
        workers, (spec,) = await asyncio.gather(self._store.workers(), self._store.specs([unit]))
        message = f"no live worker offers the handler '{task.handler}' of node '{task.node_id}'"
        error = NodeError(ErrorType.HANDLER_NOT_FOUND, message, retryable=False, attempt=task.attempt)
        try:
            await self._transitions.hand_back_node(
                *unit,
                task.attempt,
                message_id=task.message_id,
                queue=task.queue,
                is_offered=any(worker.offers(task.handler, task.queue) for worker in workers),
                error=orjson.dumps(error.to_dict()),
                taker=taker_of(spec.get("catch", ()), error.type),
            )
        except LayoutUnknown:
            await self._reader.leave_to_others([task])

    def take(self, ended: Sequence[str]) -> ClaimRequest | None:
        """Ask for as many tasks as slots become free, and as are free beyond those the reader may fill.

        ended  the handlers of the attempts whose slots become free.
        """
        freed = len(ended)
        count = min(freed + self.free_slots - self.reading, MOST_AT_ONCE)
        if self.is_over or count <= 0:
            return None
        count, offered = self._offered(ended, count)
        return ClaimRequest(
            count=count,
            request_id=self._next_request(),
            worker_id=self._worker_id,
            consumer=self._config.name,
            lease_ms=self._config.lease_ms,
            queues=self._shares.text,
            handlers=offered,
            running=self._running() - freed,
        )

    def _offered(self, ended: Sequence[str], count: int) -> tuple[int, str]:
        """Say how many tasks to ask for, and of which handlers: no more of a kind of host than are free.

        The others are read as well, and wait in line.
        """
        kinds = []
        if self._hosts.cards and not self.line:
            for kind in KINDS:
                free = self._hosts.places.free(kind)
                if 0 < free < count and any(self._hosts.kind_of(name) == kind for name in ended):
                    # What ran in a host is mostly followed by what runs in one.
                    count = free
                if free >= count:
                    kinds.append(kind)
        return count, self._text_of(tuple(kinds))

    def _text_of(self, kinds: tuple[Kind, ...]) -> str:
        """Name the built-in handlers, and those of some kinds of host, each between two blanks."""
        offer = self._hosts.offer if kinds else None
        known = self._texts.get(kinds)
        if known is None or known[0] is not offer or known[1] != len(HANDLER_REGISTRY):
            found = (
                names()
                | OWN.keys()
                | {name for name in self._hosts.cards if self._hosts.kind_of(name) in kinds}
            )
            known = self._texts[kinds] = (offer, len(HANDLER_REGISTRY), f" {' '.join(sorted(found))} ")
        return known[2]

    @property
    def free_slots(self) -> int:
        """How many tasks may be read; what waits in line for a host goes before them, once there is one."""
        waiting = len(self.line)
        if waiting >= MOST_IN_LINE:
            return 0
        return self._slots - (self.line.servable if waiting else 0)

    @property
    def _slots(self) -> int:
        return self._config.concurrency - self._running() - self._leftovers.slots - self._claiming_now

    def _next_request(self) -> str:
        self._requests += 1
        return f"{self._worker_id}:{self._requests}"
