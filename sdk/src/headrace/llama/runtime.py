"""A runtime of the library whose runs write a journal, and end early when they wait for an event."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from workflows.context.state_store import StateStore
from workflows.events import Event, InputRequiredEvent
from workflows.plugins.basic import (
    AsyncioAdapterQueues,
    BasicRuntime,
    InternalAsyncioAdapter,
    get_current_run_id,
)
from workflows.runtime.types.named_task import NamedTask, PendingStart, PendingWorker, WorkerTask
from workflows.runtime.types.plugin import (
    InternalRunAdapter,
    RegisteredWorkflow,
    WaitForNextTaskResult,
    WaitResult,
    WaitResultTick,
)
from workflows.runtime.types.results import StepWorkerResult
from workflows.runtime.types.ticks import TickStepResult, WorkflowTick
from workflows.workflow import Workflow

from headrace.llama.run import Run
from headrace.llama.store import StepStore
from headrace.llama.unheard import Unheard, describe_when_heard


class JournaledRuntime(BasicRuntime):
    """Runs workflows in this process, as the library's plain runtime does.

    Those that a durable handler has begun write down what they do; others, such as workflows that a step
    runs, are of the step.
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, Run] = {}
        self._registered: dict[int, RegisteredWorkflow] = {}
        #: By workflow: names of the steps that wait at the gate of their run.
        self._gated_steps: dict[int, frozenset[str]] = {}
        describe_when_heard()

    def serve(self, workflow: Workflow) -> None:
        """Run a workflow here from now on, for as long as this process lives.

        Its steps are looked up once: the library does so for each run, and again for each step of it.
        """
        workflow._switch_runtime(self)
        steps = workflow._get_steps()
        vars(workflow)["_get_steps"] = lambda: steps
        self._registered[id(workflow)] = registered = self.register(workflow)
        # The library binds the arguments of each run by it.
        run = registered.workflow_run_fn
        vars(run)["__signature__"] = inspect.signature(run)
        # Another step calls resources of the user's before its own code, or runs in a thread.
        gated = {
            name: self._gated(step)
            for name, step in steps.items()
            if inspect.iscoroutinefunction(step) and not step._step_config.resources
        }
        vars(workflow).update(gated)
        self._gated_steps[id(workflow)] = frozenset(gated)
        vars(workflow)["_dispatcher"] = Unheard(workflow._dispatcher)
        workflow._runtime_locked = True  # As after its first run.

    def _gated(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Let a step wait before its first line for the entry that is being written; see `Run.gate`."""

        @functools.wraps(step)
        async def gated(*arguments: Any, **named: Any) -> Any:
            run = self._runs.get(get_current_run_id() or "")
            if run is not None:
                await run.gate.wait()
            return await step(*arguments, **named)

        # The library asks for it at each call.
        vars(gated)["__signature__"] = inspect.signature(step)
        return gated

    def get_registered(self, workflow: Workflow) -> RegisteredWorkflow | None:
        """Give what was made of a served workflow; None for any other."""
        found = self._registered.get(id(workflow))
        return found if found is not None and found.workflow is workflow else None

    def begin(self, run: Run) -> None:
        """Let the run of that id write down what it does. An older attempt at it in this process is ended."""
        if (older := self._runs.get(run.run_id)) is not None:
            self.end(older)
        self._runs[run.run_id] = run

    def end(self, run: Run) -> None:
        """Stop an attempt at a run where it is, unless a newer one has taken its place."""
        if self._runs.get(run.run_id) is not run:
            return
        del self._runs[run.run_id]
        queues = self._queues.pop(run.run_id, None)
        if queues is not None and not queues.complete.done():
            queues.complete.cancel()

    def queues(self, run_id: str) -> AsyncioAdapterQueues:
        """Give what the library keeps of a run. Raises KeyError for one that is not here."""
        return self._queues[run_id]

    def get_internal_adapter(self, workflow: Workflow) -> InternalRunAdapter:
        """Give what the library's loop and its steps speak to."""
        run = self._runs.get(get_current_run_id() or "")
        if run is None:
            return super().get_internal_adapter(workflow)
        return JournaledAdapter(
            self._queues[run.run_id], run, self._gated_steps.get(id(workflow), frozenset())
        )


class JournaledAdapter(InternalAsyncioAdapter):
    """What the library's loop and the steps of one run speak to.

    gated  names of the steps that wait at the gate of the run.
    """

    def __init__(self, queues: AsyncioAdapterQueues, run: Run, gated: frozenset[str]) -> None:
        super().__init__(queues)
        self._run = run
        self._gated = gated
        #: Whether a task that the loop waits for may have ended.
        self._has_ended = asyncio.Event()

    async def write_to_event_stream(self, event: Event) -> None:
        self._run.publish(event)

    async def on_tick(self, tick: WorkflowTick) -> None:
        await super().on_tick(tick)
        self._run.note(tick)

    async def after_tick(self, tick: WorkflowTick) -> None:
        await super().after_tick(tick)
        if _leads_on(tick):
            # What follows from it is thought out while it is written down.
            self._run.begin_entry()

    async def wait_receive(self, timeout_seconds: float | None = None) -> WaitResult:
        return WaitResultTick(tick=await self._queues.receive_queue.get())

    async def wait_for_next_task(
        self,
        running: Sequence[NamedTask],
        pending: Sequence[PendingStart],
        timeout: float | None = None,
    ) -> WaitForNextTaskResult:
        """Write down what has been done before anything new begins, and wait; or end the attempt.

        Steps that wait at the gate begin meanwhile: what the library does before it calls a step takes about
        as long as an entry takes to be written. Raises Parking when nothing is under way that could end.
        """
        run, put = self._run, self._queues.receive_queue.put_nowait
        beginning = [each for each in pending if isinstance(each, PendingWorker)]
        is_gated = bool(beginning) and all(str(each.step_id) in self._gated for each in beginning)
        started: list[NamedTask] = []
        try:
            if is_gated:
                run.gate.clear()
                started = [self._start(each) for each in pending]
            await run.flush()
            run.gate.set()
            timeout = run.wake(put, timeout)
            if beginning or any(isinstance(each, WorkerTask) for each in running):
                run.listen(put)
            elif self._queues.receive_queue.empty() and not any(each.task.done() for each in running):
                await run.idle(put, timeout)
            started = started or [self._start(each) for each in pending]
            ended = await self._first_of([*running, *started], timeout)
        except BaseException:
            # The loop knows of none of them, and would let them go on.
            for task in started:
                task.task.cancel()
            for each in pending if not started else ():
                each.coro.close()
            raise
        return WaitForNextTaskResult(ended, started)

    def _start(self, pending: PendingStart) -> NamedTask:
        task = asyncio.create_task(self._heard(pending.coro))
        task.add_done_callback(functools.partial(self._take_end, pending.coro))
        return pending.start(task)

    async def _heard(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do some work, and say when it ends: its task says so a turn of the loop later."""
        try:
            return await work
        finally:
            self._has_ended.set()

    def _take_end(self, work: Coroutine[Any, Any, Any], task: asyncio.Task[Any]) -> None:
        work.close()  # It never ran where its task was cancelled before.
        self._has_ended.set()

    async def _first_of(
        self, tasks: Sequence[NamedTask], timeout_s: float | None
    ) -> asyncio.Task[Any] | None:
        """Wait for the end of a task; gives the first in order that has ended, None once the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not any(each.task.done() for each in tasks):
                    self._has_ended.clear()
                    await self._has_ended.wait()
        return next((each.task for each in tasks if each.task.done()), None)

    async def get_now(self) -> float:
        return self._run.now()

    def get_state_store(self, namespace: tuple[str, ...] = ()) -> StateStore[Any] | None:
        store = super().get_state_store(namespace)
        # It has all that steps call; only what changes the store is its own.
        return store and cast(StateStore[Any], StepStore(store, self._run.note_store))


def _leads_on(tick: WorkflowTick) -> bool:
    """Say whether a tick is the result of a step that another one most likely goes on with.

    After any other, what the loop says of it and of being idle goes with its entry.
    """
    return isinstance(tick, TickStepResult) and all(
        isinstance(each, StepWorkerResult)
        and each.result is not None
        and not isinstance(each.result, InputRequiredEvent)
        for each in tick.result
    )
