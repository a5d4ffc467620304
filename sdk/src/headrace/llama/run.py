"""One attempt at a run: what its ticks and events become in the journal, and what comes from the inbox."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import time
from collections.abc import Awaitable, Mapping
from typing import Any, NamedTuple

from workflows.context.state_store import InMemoryStateStore
from workflows.events import Event, StartEvent, StopEvent
from workflows.plugins.basic import AsyncioAdapterQueues
from workflows.runtime.control_loop import rebuild_state_from_ticks
from workflows.runtime.types.results import EmissionKey, StepWorkerStateContextVar
from workflows.runtime.types.step_id import StepId
from workflows.runtime.types.ticks import (
    TickAddEvent,
    TickIdleCheck,
    TickSessionStart,
    TickStepResult,
    TickWaiterTimeout,
    WorkflowTick,
)

from headrace.context import Context
from headrace.durable import Entry, TypedEvent
from headrace.llama.letters import Letters, Put
from headrace.llama.publishing import Publisher
from headrace.llama.records import Kept, Records, Waiter, note_waits, open_waits
from headrace.llama.store import KeptStore
from headrace.outcome import HandlerFault, Terminal
from headrace.plain_json import Json, json_of_dumped

#: A wait that ends of itself within this time is waited for here; a longer one gives the worker back.
LINGER_S = 2.0
#: Entries behind a snapshot, and bytes of them, from which on there is another one.
MOST_ENTRIES, MOST_BYTES = 200, 512 * 1024


class Begun(NamedTuple):
    """An entry that is on its way: what is awaited for it, its bytes, and the letter that it takes."""

    written: Awaitable[Entry]
    size: int
    takes: int | None


class Parking(Exception):
    """Nothing goes on without an event, or before a moment: until_s, seconds since the epoch; None: never."""

    def __init__(self, until_s: float | None) -> None:
        super().__init__("the run waits for an event")
        self.until_s = until_s


class Run:
    """What the library's loop tells of a run while one attempt has it.

    classes       of events that may be sent to it, by name.
    code          digests of its steps, written with its first entry.
    may_repeat    an attempt before this one has been lost, and may have done what this one does.
    """

    def __init__(
        self,
        run_id: str,
        context: Context,
        records: Records,
        kept: Kept,
        *,
        classes: Mapping[str, type[Event]],
        code: Mapping[str, str],
        may_repeat: bool,
    ) -> None:
        self.run_id = run_id
        #: The event by which the run has ended, in the library's own words.
        self.last: StopEvent | None = None
        #: What kept a journal from being written.
        self.fault: BaseException | None = None
        #: Where steps wait before their own code while an entry is being written; open otherwise.
        self.gate = asyncio.Event()
        self.gate.set()
        self._context = context
        self._records = records
        self._code = dict(code)
        # By the clock of Redis, as all that is due.
        self._epoch_s = context.now_ms / 1000 - time.monotonic()
        self._started_s = kept.started_s if kept.started_s is not None else self.now()
        self._is_new = kept.started_s is None or kept.code != self._code
        self._kept_store = kept.store
        self._store: KeptStore | None = None
        #: Calls of steps that have begun and given no result.
        self._at_work: set[str] = set()
        self._due = dict(kept.due)
        #: Waits of earlier attempts, whose ends the library has forgotten.
        self._armed: dict[Waiter, float] = {}
        #: Work that an attempt before this one had under way, and deliveries whose work it may have begun.
        self._reruns: set[str | None] = set()
        self._redelivered: set[EmissionKey] = set()
        self._repeats_start = may_repeat and kept.broker is None
        #: Events by which such work begins again.
        self._causes: list[Event] = []
        if kept.broker is not None:
            self._armed = open_waits(kept.broker, kept.due)
            self._reruns = {
                each.work_item_id for worker in kept.broker.workers.values() for each in worker.in_progress
            }
            self._redelivered = set(kept.broker.deliveries)
        self._queues: AsyncioAdapterQueues | None = None
        self._ticks: list[WorkflowTick] = []
        self._publisher = Publisher(context)
        #: Whether the ticks hold what could not be found out again.
        self._is_firm = False
        self._begun: Begun | None = None
        self._letters = Letters(context, classes, self._drop)
        #: The letter that the next entry takes.
        self._takes: int | None = None
        self._last, self._through = kept.last, kept.last
        self._entries = self._bytes = 0

    def attach(self, queues: AsyncioAdapterQueues, through: int) -> None:
        """Take what the library keeps of the run. through: the entry up to which there is a snapshot."""
        assert isinstance(queues.state_store, InMemoryStateStore)
        self._queues, self._through = queues, through
        self._entries = self._last - through
        say = functools.partial(self._context.log, level="warning")
        self._store = KeptStore(queues.state_store, self._records.serializer, self._kept_store, say)

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._epoch_s + time.monotonic()

    # What the loop and the steps tell

    def note(self, tick: WorkflowTick) -> None:
        """Note a tick, before the loop acts upon it."""
        self._ticks.append(tick)
        note_waits(tick, self._due)
        self._takes = (taken := self._letters.number_of(tick)) or self._takes
        if isinstance(tick, TickAddEvent) and (
            tick.emission in self._redelivered or (self._repeats_start and isinstance(tick.event, StartEvent))
        ):
            self._causes.append(tick.event)
        if isinstance(tick, TickStepResult) and tick.invocation_id is not None:
            self._at_work.discard(tick.invocation_id)
        self._is_firm = self._is_firm or taken is not None or not _is_found_again(tick)

    def publish(self, event: Event) -> None:
        """Publish an event: at once where a step does, with its tick where the loop does."""
        if isinstance(event, StopEvent):
            # The end of the node says how the run has ended.
            self.last = event
            return
        step = StepWorkerStateContextVar.get(None)
        if step is not None:
            self._publisher.emit(event, is_repeated=self._is_rerun(step.event, step.state.work_item_id))
            return
        try:
            self._publisher.add(event)
        except Terminal as fault:
            raise self._failed(fault) from None

    def note_store(self) -> None:
        """Note that a step has changed the store."""
        step = StepWorkerStateContextVar.get(None)
        invocation = step.state.invocation_id if step is not None and not step.sends.closed else None
        if invocation is not None:
            self._at_work.add(invocation)
        if self._store is not None:
            # What cannot be written is said with the result of the step.
            with contextlib.suppress(Exception):
                self._store.note(invocation)

    def _is_rerun(self, event: Event, work_item_id: str | None) -> bool:
        return work_item_id in self._reruns or any(event is cause for cause in self._causes)

    # What is written

    def begin_entry(self) -> None:
        """Begin to write down what the loop has done, if that holds anything new; `flush` waits for it.

        One entry is on its way at a time: the next one says what follows from it. Raises Terminal for what
        cannot be kept.
        """
        if not self._is_firm or self._begun is not None:
            return
        assert self._store is not None
        self._look_for_faults()
        try:
            store = self._store.commit(self._at_work)
        except Exception as error:
            fault = Terminal(f"the state cannot be kept: {error}", type="NotSerializable")
            raise self._failed(fault) from error
        takes, ticks = self._takes, self._ticks
        try:
            entry = self._records.entry(
                ticks,
                store=store,
                started_s=self._started_s if self._is_new else None,
                code=self._code if self._is_new else None,
            )
            text = _json_of(entry)
            written = self._context.journal.append(Json(text), events=self._publisher.take(), takes=takes)
        except BaseException as error:
            raise self._failed(error) from None
        self._begun = Begun(written, len(text), takes)
        self._is_new = False
        self._takes, self._ticks, self._is_firm = None, [], False

    async def flush(self) -> None:
        """Wait until what the loop has done is written down. Nothing new has begun meanwhile.

        Raises Terminal where it cannot be kept, or the attempt has been replaced.
        """
        self._look_for_faults()
        self.begin_entry()
        has_written = self._begun is not None
        while self._begun is not None:
            await self._finish_entry()
            self.begin_entry()
        self._publisher.emit_rest_later()
        if has_written and (self._entries >= MOST_ENTRIES or self._bytes >= MOST_BYTES):
            await self.compact()

    async def _finish_entry(self) -> None:
        """Wait for the entry that is on its way, if there is one."""
        if (begun := self._begun) is None:
            return
        try:
            self._count(await begun.written, begun.size)
        except BaseException as error:
            raise self._failed(error) from None
        finally:
            self._begun = None
        self._publisher.entry_written()
        if begun.takes is not None:
            self._letters.is_taken()

    def _look_for_faults(self) -> None:
        """Raise what has become of letters and of events that steps have published, where that is a fault."""
        if (fault := self._letters.fault) is not None:
            raise self._failed(fault)
        try:
            self._publisher.check()
        except BaseException as error:
            raise self._failed(error) from None

    async def finish(self) -> list[TypedEvent]:
        """Give what is left to be published, at the end of the run.

        Raises Terminal where a step's event is not kept.
        """
        await self._finish_entry()
        try:
            return await self._publisher.finish()
        except BaseException as error:
            raise self._failed(error) from None

    async def compact(self) -> Kept:
        """Put a snapshot in the place of what has been written; gives what is in it."""
        queues = self._queues
        assert queues is not None and self._store is not None
        broker = rebuild_state_from_ticks(queues.init_state, queues.ticks, run_id=self.run_id)
        due = open_waits(broker, self._due)
        kept = Kept(broker, self._store.kept, due, self._started_s, self._code, self._last)
        if self._last > self._through:
            try:
                await self._context.journal.snapshot(self._records.snapshot(kept), self._last)
                self._through, self._ticks = self._last, []
            except HandlerFault as fault:
                if fault.error_type != "JournalTooLarge":
                    raise self._failed(fault) from None
                self._context.log(f"the journal is not made shorter: {fault}", "warning")
        self._entries = self._bytes = 0
        queues.init_state = broker
        queues.ticks.clear()
        return kept

    def _count(self, written: Entry, size: int) -> None:
        self._last = max(self._last, written.number)
        self._entries += 1
        self._bytes += size

    async def _drop(self, letter: int) -> None:
        nothing: dict[str, Any] = {"ticks": []}
        self._count(await self._context.journal.append(nothing, takes=letter), 0)

    def _failed(self, error: BaseException) -> BaseException:
        self.fault = error
        return error

    # What comes from outside

    def wake(self, put: Put, timeout_s: float | None) -> float | None:
        """Let waits of earlier attempts end that are due; gives the time until the loop has to look again."""
        now_s = self.now()
        for waiter, due_s in sorted(self._armed.items(), key=lambda item: item[1]):
            if due_s > now_s:
                left_s = due_s - now_s
                return left_s if timeout_s is None else min(timeout_s, left_s)
            del self._armed[waiter]
            put(TickWaiterTimeout(step_id=StepId.from_str(waiter[0]), waiter_id=waiter[1]))
        return timeout_s

    async def idle(self, put: Put, timeout_s: float | None) -> None:
        """Take a letter where one is there; else wait a moment for one, or raise Parking."""
        try:
            if await self._letters.look(put):
                return
        except BaseException as error:
            raise self._failed(error) from None
        if timeout_s is None or timeout_s > LINGER_S:
            raise Parking(None if timeout_s is None else self.now() + timeout_s)
        self.listen(put)

    def listen(self, put: Put) -> None:
        """Take letters as they come, while steps are at work."""
        self._letters.listen(put)

    def close(self) -> None:
        """Listen no more."""
        self._publisher.close()
        self._letters.close()
        written = self._begun.written if self._begun is not None else None
        if inspect.iscoroutine(written) and inspect.getcoroutinestate(written) == inspect.CORO_CREATED:
            # Whoever would wait for it is gone; it is written all the same.
            written.close()


def _json_of(entry: Mapping[str, Any]) -> bytes:
    try:
        return json_of_dumped(entry, "data")
    except (TypeError, ValueError, RecursionError) as error:
        raise Terminal(f"the entry is not JSON: {error}") from None


def _is_found_again(tick: WorkflowTick) -> bool:
    """Say whether a run that is put together again comes to the same tick by itself.

    So it does to the start, and to what a step has given: that is in the result of the step.
    """
    match tick:
        case TickSessionStart() | TickIdleCheck():
            return True
        case TickAddEvent():
            return tick.emission is not None or isinstance(tick.event, StartEvent)
    return False
