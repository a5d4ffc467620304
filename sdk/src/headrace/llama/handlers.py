"""Makes a durable handler of each workflow of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import workflows
from llama_index_instrumentation.dispatcher import active_instrument_tags, instrument_tags
from pydantic import ValidationError
from workflows import Context as WorkflowContext
from workflows.context.serializers import BaseSerializer
from workflows.events import StartEvent, StopEvent, WorkflowFailedEvent
from workflows.plugins.basic import AsyncioAdapterQueues
from workflows.runtime.types.internal_state import BrokerState
from workflows.workflow import Workflow

from headrace._tracebacks import traceback_of
from headrace.context import Context
from headrace.llama.description import (
    definition_of,
    event_classes,
    fingerprints_of,
    handler_name,
    parents_of,
    qualified_name_of,
    waited_for,
)
from headrace.llama.known_types import serializer_of
from headrace.llama.records import Kept, Records, complete_waits
from headrace.llama.run import Parking, Run
from headrace.llama.runtime import JournaledRuntime
from headrace.llama.server import Served, WorkflowServer
from headrace.llama.start_inputs import complete
from headrace.outcome import Cancelled, Completed, Parked, Terminal
from headrace.registration import handler

#: What a run has lost its process by is worth another try; what its steps raise is for their own policies.
RETRY = {"max_attempts": 5, "initial_interval": "0.2s", "retry_on": ["HandlerCrashed"]}
#: What steps are called through: the library with what it is installed beside, and this package.
_CALLERS = (str(Path(workflows.__file__).parent.parent), str(Path(__file__).parent.parent))
#: As the library names it to who observes its runs.
RUN_ID_TAG = "llamaindex.run_id"
#: A run looks whether it is still wanted from this age on: most are over by then, and the look costs a task.
HEED_AFTER_S = 0.02
#: Words of what a parked run waits for.
MOST_WORDS, WORD_CHARS = 20, 200


def register(server: WorkflowServer, runtime: JournaledRuntime, *, may_pickle: bool) -> None:
    """Register a handler for each workflow of a server. Raises ValueError for one that cannot be served."""
    for served in server.served.values():
        workflow = served.workflow
        workflow.validate()
        runtime.serve(workflow)
        served_workflow = ServedWorkflow(
            served, runtime, serializer_of(workflow, server.serializer, may_pickle=may_pickle)
        )
        declare = handler(handler_name(served), durable=True, retry=RETRY, workflow=definition_of(served))
        declare(served_workflow.as_handler())


class ServedWorkflow:
    """Runs one workflow: each run is the work of one node, attempt after attempt."""

    def __init__(self, served: Served, runtime: JournaledRuntime, serializer: BaseSerializer) -> None:
        self._served = served
        self._workflow = served.workflow
        self._runtime = runtime
        self._serializer = serializer
        self._records = Records(served.workflow, serializer)
        self._classes = {each.__name__: each for each in event_classes(served)}
        self._code = fingerprints_of(served)

    def as_handler(self) -> Callable[[Mapping[str, Any], Context], Awaitable[Any]]:
        """Give the function that is called for each attempt."""

        async def run_workflow(config: Mapping[str, Any], context: Context) -> Any:
            return await self.run(config["start"], context)

        run_workflow.__doc__ = f"Runs the workflow {self._served.name}."
        run_workflow.__qualname__ = f"run_workflow.{self._served.name}"
        return run_workflow

    async def run(self, inputs: Mapping[str, Any], context: Context) -> Any:
        """Go on with a run, or begin it; gives the value of its stop event, or Parked.

        inputs  the fields of the event that starts it.
        Raises Terminal with the error of the step that has failed it.
        """
        run_id = f"{context.execution_id}/{context.node_id}"
        journaled = await context.journal.read()
        kept = await self._records.read(journaled, run_id)
        await self._accept_code(kept, context)
        start = self._start_event(inputs) if kept.broker is None else None
        run = Run(
            run_id,
            context,
            self._records,
            kept,
            classes=self._classes,
            code=self._code,
            may_repeat=context.attempt > 1,
        )
        self._runtime.begin(run)
        try:
            queues = self._go(kept, run, start)
            run.attach(queues, journaled.through)
            stop = await _end_of(queues.complete, context)
            return Completed(_output_of(stop), events=await run.finish())
        except Parking as parking:
            # Mostly nothing: it went with the last entry.
            for event in await run.finish():
                context.emit(*event)
            kept = await run.compact()
            until_ms = None if parking.until_s is None else round(parking.until_s * 1000)
            return Parked(until_ms, self._words(kept.broker))
        except Exception as error:
            if error is run.fault:
                raise
            for event in await run.finish():
                context.emit(*event)
            raise self._failure(error, run) from error
        finally:
            run.close()
            self._runtime.end(run)

    def _start_event(self, inputs: Mapping[str, Any]) -> StartEvent:
        """Make what a run begins with. Raises Terminal for inputs that make none."""
        start = self._workflow.start_event_class
        try:
            return complete(start(**inputs))
        except ValidationError as error:
            raise Terminal(f"the inputs make no {start.__name__}: {error}", type="ConfigError") from None

    def _go(self, kept: Kept, run: Run, start: StartEvent | None) -> AsyncioAdapterQueues:
        """Let the library's loop begin with an event, or go on without one from what was kept."""
        workflow = self._workflow
        if start is not None:
            if type(workflow).run is Workflow.run and "run" not in vars(workflow):
                # It makes a context and a handler besides, for code that has begun the run.
                fresh = BrokerState.from_workflow(workflow)
                with instrument_tags({**active_instrument_tags.get(), RUN_ID_TAG: run.run_id}):
                    self._runtime.run_workflow(
                        run.run_id, workflow, fresh, start, serializer=self._serializer
                    )
            else:
                new = WorkflowContext(workflow, serializer=self._serializer)
                workflow.run(ctx=new, start_event=start, run_id=run.run_id)
        else:
            elapsed_s = max(0.0, run.now() - (kept.started_s or run.now()))
            data = self._records.to_context(kept, elapsed_s=elapsed_s)
            restored = WorkflowContext.from_dict(workflow, data, serializer=self._serializer)
            workflow.run(ctx=restored, run_id=run.run_id)
            # Before the loop has its first turn.
            complete_waits(self._runtime.queues(run.run_id).init_state, kept)
        return self._runtime.queues(run.run_id)

    async def _accept_code(self, kept: Kept, context: Context) -> None:
        """Raise Terminal (`CodeChanged`) where steps are others than the run has begun with.

        That pauses the execution. It is written down, so that the run goes on with the new code once an
        operator resumes it.
        """
        changed = {
            step: {"was": was, "is": self._code.get(step)}
            for step, was in kept.code.items()
            if self._code.get(step) != was
        }
        if not changed:
            return
        await context.journal.append({"ticks": [], "code": self._code})
        named = ", ".join(
            f"'{step}' was {each['was']} and is {each['is']}" if each["is"] else f"'{step}' is gone"
            for step, each in changed.items()
        )
        raise Terminal(
            f"the code of steps has changed since the run has begun: {named}; resume it to go on with "
            "what is here now",
            type="CodeChanged",
            details={"steps": changed},
        )

    def _failure(self, error: Exception, run: Run) -> Terminal:
        """Word why a run has failed, with the event that clients know it by."""
        last = run.last or WorkflowFailedEvent(step_name=self._served.name, exception=error)
        kind = type(last)
        details: dict[str, Any] = {
            "event": {
                "type": kind.__name__,
                "value": last.model_dump(mode="json"),
                "types": parents_of(kind),
                "qualified_name": qualified_name_of(kind),
            },
        }
        if (at := _in_the_step(error)) is not None:
            details["traceback"] = traceback_of(error.with_traceback(at))
        return Terminal(str(error) or type(error).__name__, type=type(error).__name__, details=details)

    def _words(self, broker: BrokerState | None) -> list[str]:
        """Say what a parked run waits for."""
        words: list[str] = []
        if broker is not None:
            for step, worker in broker.workers.items():
                words += [
                    f"step '{step}' waits for {waiter.waiting_for_event.__name__}"
                    for waiter in worker.collected_waiters
                    if waiter.resolved_event is None
                ]
                words += [
                    f"step '{step}' is tried again" for each in worker.queue if each.not_before is not None
                ]
        if not words:
            names = dict.fromkeys(waited_for(self._served))
            words = [f"an event: {' or '.join(names)}" if names else "an event"]
        return [word[:WORD_CHARS] for word in words[:MOST_WORDS]]


async def _end_of(ended: asyncio.Future[StopEvent], context: Context) -> StopEvent:
    """Wait for the end of a run. Raises what has ended it, and Cancelled once it is not wanted any more."""
    try:
        await asyncio.wait((ended,), timeout=HEED_AFTER_S)
        if not ended.done():
            unwanted = asyncio.ensure_future(context.cancelled.wait())
            try:
                either: tuple[asyncio.Future[Any], ...] = (ended, unwanted)
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                unwanted.cancel()
        if not ended.done():
            raise Cancelled
        return ended.result()
    finally:
        ended.cancel()


def _in_the_step(error: Exception) -> TracebackType | None:
    """Find the first frame of an error that is of the served file or its imports; None without one."""
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code.co_filename.startswith(_CALLERS):
        at = at.tb_next
    return at


def _output_of(stop: StopEvent) -> Any:
    """Give what a run has come to: the result of the plain stop event, the fields of any other."""
    value = stop.model_dump(mode="json")
    return value.get("result") if type(stop) is StopEvent else value
