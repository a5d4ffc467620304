"""Plays an execution against the real scripts, with stubbed handlers and a clock of its own.

Everything lives under a key prefix of the simulation's own and is deleted at its end, so that no worker, no
orchestrator and no other simulation ever sees it. Time stands still while anything can be done, and then
moves to the next due moment.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from clients.redis_client import RedisClient
from orchestrator.documents import exact_json
from orchestrator.documents.json_schema import APART
from orchestrator.documents.limits import Limits
from orchestrator.errors import ErrorType, HeadraceError, NodeError
from orchestrator.execution.inventory import Announced
from orchestrator.loops import timers
from orchestrator.operations.children import Children
from orchestrator.operations.executions import Executions
from orchestrator.operations.origin import Origin
from orchestrator.operations.owner import AnyOwner
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.operations.submissions import Submissions
from orchestrator.redis_keys import Keys
from orchestrator.states import ExecutionStatus
from orchestrator.store.reader import Store
from orchestrator.store.replies import Claim, Delivery
from orchestrator.store.requests import AttemptToken
from orchestrator.store.transitions import Transitions
from orchestrator.units import index_of, node_of
from workers.context import StopSignal, Toolbox
from workers.handlers import Catalogue
from workers.hosts.ends import GivenBack
from workers.outcome import Awaiting, Failed
from workers.runtime.event_buffer import EventBuffer
from workers.runtime.event_writer import LineSender
from workers.runtime.recording import end_call, token_of
from workers.runtime.runner import Result, Runner
from workers.runtime.shares import Shares
from workers.runtime.task_reader import TaskReader
from workers.simulator.report import ReportBuilder, Simulation
from workers.simulator.signal_sender import ExternalActor
from workers.simulator.stub_checks import check_stubs
from workers.simulator.stubs import NO_ITEM, Stub, Stubs

#: The longest a simulation may take, in real time.
PATIENCE_S = 20.0
#: Tasks taken together; and attempts of one simulation, which a retry without end would never reach.
TOGETHER = 500
MOST_ATTEMPTS = 100_000
OUTPUT_MAX_BYTES = 1024 * 1024
WORKER = "simulator"


def namespace_keys(base: Keys, namespace: str) -> Keys:
    """The keys of one simulation: all under a prefix of its own."""
    return Keys(prefix=f"{{sim-{namespace}}}:", stream=base.stream, group=base.group)


class SimulationTooLong(HeadraceError):
    """The simulation took more time, or more attempts, than one may."""

    code = "SIMULATION_TOO_LONG"


@dataclass(order=True)
class _Running:
    """An attempt that ends at a virtual moment."""

    end_ms: int
    number: int
    claim: Claim = field(compare=False)
    spec: dict[str, Any] = field(compare=False)
    result: Result = field(compare=False)
    stub: Stub = field(compare=False)


class _Placeholders(dict[str, str]):
    """Stands in for secrets: every name has a value, and none is one."""

    def get(self, name: str, default: Any = None) -> Any:
        return f"(secret {name})"


class Simulator:
    """One simulation. `run` once.

    redis  any Redis; what is written there is gone when `run` returns or raises.
    keys   stream and group as the deployment has them, so that no second library is loaded.
    namespace  names the prefix; whoever may have to delete what a killed process leaves behind knows it.
    """

    def __init__(
        self,
        redis: RedisClient,
        *,
        stubs: Stubs,
        keys: Keys | None = None,
        limits: Limits | None = None,
        handlers: Announced | None = None,
        namespace: str | None = None,
    ) -> None:
        base, announced = keys or Keys(), handlers or Announced()
        self._redis = redis
        self.keys = namespace_keys(base, namespace or uuid.uuid4().hex)
        self.stubs = stubs
        self.transitions = Transitions(redis, self.keys)
        self.store = Store(
            redis, self.keys, default_retry=Catalogue(frozenset(), announced.cards).default_retry
        )
        known = announced.names | stubs.handlers.keys()
        limits = limits or Limits()

        def catalogue(names: frozenset[str], cards: tuple[bytes, ...]) -> Catalogue:
            return Catalogue(names | known, announced.cards)

        checks = SchemaChecks(effort=APART)
        submissions = Submissions(
            self.store, self.transitions, catalogue=catalogue, limits=limits, checks=checks
        )
        self._executions = Executions(self.store, self.transitions, submissions, AnyOwner(self.store))
        #: What the names of an execution's nodes begin with: nothing, or those of the units above it.
        self._prefixes: dict[str, str] = {}
        tools = Toolbox(secrets=_Placeholders())
        self._runner = Runner(
            worker_id=WORKER,
            tools=tools,
            items=self.store.items,
            interfaces=self.store.interfaces,
            children=Children(
                self.store, self.transitions, catalogue=catalogue, limits=limits, checks=checks
            ),
            find=lambda handler: stubs.find(handler, self._playing),
            clock=lambda: self.now_ms,
        )
        self._running: list[_Running] = []
        #: The stub of the attempt that is being run.
        self._playing: Stub | None = None
        self._outside = ExternalActor(self.store, self.transitions)
        self._numbers = itertools.count(1)
        self._reader: TaskReader | None = None
        self._queues: list[str] = []

    @property
    def now_ms(self) -> int:
        assert self.transitions.now_ms is not None
        return self.transitions.now_ms

    async def run(
        self,
        document: dict[str, Any],
        inputs: Mapping[str, Any] | None = None,
        *,
        trigger: Mapping[str, Any] | None = None,
        patience_s: float = PATIENCE_S,
    ) -> Simulation:
        """Submit, start and play a definition to its end, or to where nothing more can happen.

        trigger  the document of its start.
        Raises DefinitionInvalid, StubsInvalid, InputsInvalid, StartInvalid, PayloadTooLarge,
        SimulationTooLong, and redis errors.
        """
        self.transitions.now_ms = await self.store.now_ms()
        began_ms = self.now_ms
        try:
            async with asyncio.timeout(patience_s):
                submitted = await self._executions.submit(
                    document,
                    inputs=None if inputs is None else dict(inputs),
                    trigger=True,
                    origin=Origin(trigger=trigger),
                )
                await self._check_stubs(submitted.execution_id)
                self._outside.begin(submitted.execution_id, self.stubs.signals, began_ms)
                await self._play(submitted.execution_id)
                return await ReportBuilder(self.store, began_ms).build(submitted.execution_id, self.now_ms)
        except TimeoutError:
            raise SimulationTooLong(
                f"the simulation took longer than {patience_s:g} s of real time"
            ) from None
        finally:
            await self._forget()

    async def _check_stubs(self, execution_id: str) -> None:
        execution = await self.store.execution(execution_id) if self.stubs.nodes else None
        if execution is not None:
            check_stubs(self.stubs, await self.store.definition(execution_id, execution.version))

    async def _play(self, execution_id: str) -> None:
        while True:
            if await self._take_tasks():
                continue
            if await self._has_ended(execution_id):
                return
            if not await self._move_clock():
                return

    async def _has_ended(self, execution_id: str) -> bool:
        """Whether nothing more can happen: a node that asks for an operator waits for ever here."""
        status = await self.store.status(execution_id)
        if status is ExecutionStatus.PAUSED:
            return not self._running
        # A child that its parent does not wait for may have something left to do.
        return status is not None and status.is_terminal and not await self.store.count_active()

    async def _take_tasks(self) -> bool:
        """Claim and play every task there is; the ends of those that take no time are recorded at once."""
        reader = await self._open_reader()
        deliveries = await reader.read_now(TOGETHER)
        for task in deliveries:
            await self._start(task)
        while self._running and self._running[0].end_ms <= self.now_ms:
            await self._end(heapq.heappop(self._running))
        return bool(deliveries)

    async def _open_reader(self) -> TaskReader:
        queues = await self.store.queue_names()
        if self._reader is None or queues != self._queues:
            await self._close_reader()
            self._queues = queues
            self._reader = TaskReader(self._redis, self.keys, consumer=WORKER, shares=Shares(queues))
            await self._reader.open()
        return self._reader

    async def _close_reader(self) -> None:
        if self._reader is not None:
            await self._reader.let_go()

    async def _start(self, task: Delivery) -> None:
        number = next(self._numbers)
        if number > MOST_ATTEMPTS:
            raise SimulationTooLong(f"the simulation needs more than {MOST_ATTEMPTS:,} attempts")
        claim = await self.transitions.claim_node(
            AttemptToken(task.execution_id, task.node_id, task.attempt, f"{WORKER}:{number}"),
            message_id=task.message_id,
            queue=task.queue,
            worker_id=WORKER,
            lease_ms=10**12,  # It is never renewed, and virtual years may pass.
        )
        if not isinstance(claim, Claim):
            return
        spec: dict[str, Any] = orjson.loads(claim.spec)
        await self._learn(claim.execution_id)
        self._playing = stub = await self._stub_for(claim, spec)
        buffer = EventBuffer()
        sender = LineSender(self.transitions, token_of(claim), buffer)
        result = await self._runner.run(claim, spec, buffer, StopSignal(), sender)
        assert not isinstance(result, GivenBack)  # Only what runs in a host is.
        duration_ms = stub.duration_ms
        limit_ms = spec["start_to_close_ms"]
        if limit_ms is not None and duration_ms > limit_ms:
            duration_ms, result = limit_ms, _timed_out(limit_ms, claim)
        heapq.heappush(self._running, _Running(self.now_ms + duration_ms, number, claim, spec, result, stub))

    async def _stub_for(self, claim: Claim, spec: dict[str, Any]) -> Stub:
        """Find the stub of a unit. A mapped node calls no handler: its stub is that of its items."""
        index = index_of(claim.node_id)
        if "map" in spec and index is None:
            return Stub()
        item: Any = NO_ITEM
        if index is not None and self.stubs.look_at_items:
            (found,) = await self.store.items.page(claim.execution_id, node_of(claim.node_id), index, 1)
            item = exact_json.loads(found.value)
        return self.stubs.of(self._name(claim.execution_id, claim.node_id), spec["handler"], item)

    def _name(self, execution_id: str, unit: str) -> str:
        return self._prefixes.get(execution_id, "") + unit

    async def _learn(self, execution_id: str) -> None:
        """Find out which unit an execution is the child of; its parent has run before."""
        if execution_id in self._prefixes:
            return
        execution = await self.store.execution(execution_id)
        self._prefixes[execution_id] = ""
        if execution is not None and execution.parent is not None:
            above = self._name(execution.parent, execution.parent_unit or "")
            self._prefixes[execution_id] = f"{above}/"

    async def _end(self, attempt: _Running) -> None:
        ended = await end_call(
            self.transitions,
            attempt.claim,
            attempt.spec,
            attempt.result,
            output_max_bytes=OUTPUT_MAX_BYTES,
            claiming=None,
        )
        if isinstance(attempt.result, Awaiting) and attempt.stub.answers:
            self._outside.expect(attempt.claim, attempt.result.awaits, attempt.stub.answers, self.now_ms)
        if ended.more:
            await self.transitions.drain_worklist(attempt.claim.execution_id)

    async def _move_clock(self) -> bool:
        """Move to the next moment at which something is due, and do it; False when nothing ever will be."""
        moments = [attempt.end_ms for attempt in self._running[:1]]
        next_timer_ms = await self.store.next_timer_ms()
        if next_timer_ms is not None:
            moments.append(next_timer_ms)
        if self._outside.next_ms is not None:
            moments.append(self._outside.next_ms)
        if not moments:
            return False
        self.transitions.now_ms = max(self.now_ms, min(moments))
        # Ends first: a result that arrives as its time limit does is a result. So is an answer.
        while self._running and self._running[0].end_ms <= self.now_ms:
            await self._end(heapq.heappop(self._running))
        await self._outside.send_due(self.now_ms)
        await timers.run_once(self.store, self.transitions, self.now_ms)
        return True

    async def _forget(self) -> None:
        """Delete every key of this simulation, also when it is being cancelled."""
        await asyncio.shield(asyncio.ensure_future(self._delete_keys()))

    async def _delete_keys(self) -> None:
        await self._close_reader()
        await self.transitions.let_go()
        await self.store.let_go()
        await self.transitions.delete_namespace()


def _timed_out(limit_ms: int, claim: Claim) -> Failed:
    message = f"the handler ran longer than its start_to_close_timeout of {limit_ms / 1000:g} s"
    return Failed(
        NodeError(ErrorType.TIMEOUT_START_TO_CLOSE, message, True, attempt=claim.attempt, worker=WORKER)
    )
