"""Executions as handlers: found by their ids, read with what their ends came to, listed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.exceptions import HTTPException

from api.dialects.dialect import DOOR_LABEL
from api.dialects.workflow_server.event_types import EventTypes
from api.dialects.workflow_server.lowering import key_of
from api.dialects.workflow_server.rendering import (
    Envelope,
    cancelled_envelope,
    failed_envelope,
    given_envelope,
    handler_fields,
    handler_id_of,
    plain_result,
    stop_envelope,
    word_of,
)
from api.whole_lists import pages_of
from headrace.names import is_id
from orchestrator.definitions.definition import Definition
from orchestrator.definitions.registry import WorkflowRecord, name_of
from orchestrator.engine import TenantEngine
from orchestrator.errors import ExecutionNotFound, WorkflowNotFound
from orchestrator.execution.model import Execution
from orchestrator.operations.origin import KEY_CHARS, has_id_shape, is_on_a_line
from orchestrator.operations.results import ExecutionFailure
from orchestrator.states import ExecutionStatus

NAME = "workflow_server"
#: Of whatever is started by this contract.
LABEL = (DOOR_LABEL, NAME)
Found = TypeVar("Found")
#: Ends of runs that are read side by side.
ENDS_TOGETHER = 10


class AlreadyRunning(HTTPException):
    """A run goes on under the id of this handler."""

    def __init__(self, handler_id: str) -> None:
        super().__init__(409, f"Handler '{handler_id}' is already running")


@dataclass(frozen=True, slots=True)
class End:
    """What a run came to. output: JSON, of one that completed; failure: of one that failed."""

    output: bytes | None = None
    failure: ExecutionFailure | None = None


@dataclass(frozen=True, slots=True)
class Handler:
    """An execution under the id of its handler."""

    handler_id: str
    workflow_name: str
    execution: Execution
    definition: Definition
    end: End

    @property
    def status(self) -> str:
        """Give the word for its status."""
        return word_of(self.execution.status)

    def fields(self, *, is_unwrapped: bool = False) -> dict[str, Any]:
        """Show it. is_unwrapped: its result without an envelope."""
        result = None
        if self.execution.status is ExecutionStatus.COMPLETED:
            types = EventTypes.of(self.definition)
            result = (
                plain_result(types, self.end.output)
                if is_unwrapped
                else stop_envelope(types, self.end.output)
            )
        return handler_fields(
            self.execution,
            handler_id=self.handler_id,
            workflow_name=self.workflow_name,
            result=result,
            error=self.end.failure.message if self.end.failure else None,
        )


async def find(engine: TenantEngine, handler_id: str) -> str:
    """Give the id of the execution that goes on as a handler: the newest under its id.

    Raises ExecutionNotFound.
    """
    if not 1 <= len(handler_id) <= KEY_CHARS or not is_on_a_line(handler_id):
        raise ExecutionNotFound(handler_id[:KEY_CHARS])
    if has_id_shape(handler_id):
        with contextlib.suppress(ExecutionNotFound):
            return await engine.executions.find(key_of(handler_id))
    return await engine.executions.find(handler_id)


async def read(engine: TenantEngine, handler_id: str) -> Handler:
    """Read a handler with what it came to. Raises ExecutionNotFound."""
    execution, definition = await engine.executions.brief(await find(engine, handler_id))
    return await _handler(engine, WorkflowNames(engine), execution, definition, handler_id)


async def read_started(
    engine: TenantEngine,
    handler_id: str,
    execution_id: str,
    workflow: WorkflowRecord | None,
    told: bytes | None = None,
) -> Handler:
    """Read the handler of an execution with what it came to. Raises ExecutionNotFound.

    workflow  that it is of, where that is known.
    told      as `Executions.outcome` takes it.
    """
    execution, definition, output = await engine.executions.outcome(execution_id, told=told)
    names = WorkflowNames(engine, *([workflow] if workflow else []))
    return await _handler(engine, names, execution, definition, handler_id, output)


async def end_of(engine: TenantEngine, execution: Execution, output: bytes | None = None) -> End:
    """Read what an execution came to; nothing while it runs. Raises ExecutionNotFound.

    output  where it has been read with it.
    """
    execution_id = execution.execution_id
    if execution.status is ExecutionStatus.COMPLETED:
        return End(output=output or await engine.outputs.so_far(execution_id))
    if execution.status is ExecutionStatus.FAILED:
        return End(failure=(await engine.executions.get(execution_id)).failure)
    return End()


async def refuse_running(engine: TenantEngine, handler_id: str) -> None:
    """Raise AlreadyRunning while the execution itself goes on whose id a client would have another run under.

    Of ids that are execution keys the start says so.
    """
    if has_id_shape(handler_id):
        with contextlib.suppress(ExecutionNotFound):
            if not (await engine.executions.status(handler_id)).is_terminal:
                raise AlreadyRunning(handler_id)


async def remove(engine: TenantEngine, handler_id: str, execution_id: str) -> None:
    """Remove the runs that had the id of a handler. Raises InvalidTransition while one runs."""
    execution, _ = await engine.executions.brief(execution_id)
    if execution.execution_key == (key := key_of(handler_id)):
        # The newest goes last: until then the id leads to it, and a removal that was cut off is repeated.
        await _remove_older(engine, key, execution_id)
    await engine.executions.purge(execution_id)
    if has_id_shape(handler_id) and execution_id != handler_id:
        with contextlib.suppress(ExecutionNotFound):
            await engine.executions.purge(handler_id)


async def _remove_older(engine: TenantEngine, key: str, newest: str) -> None:
    """Remove the ended runs of this contract that had a key before the one that holds it."""
    async for rows in pages_of(engine.executions.list, labels=[LABEL]):
        for row in rows:
            if row.execution_key == key and row.execution_id != newest and row.status.is_terminal:
                with contextlib.suppress(ExecutionNotFound):
                    await engine.executions.purge(row.execution_id)


def last_event(execution: Execution, definition: Definition, end: End) -> Envelope | None:
    """Give the event that ended a run; None while it runs."""
    if execution.status is ExecutionStatus.COMPLETED:
        return stop_envelope(EventTypes.of(definition), end.output)
    if execution.status is ExecutionStatus.CANCELLED:
        return cancelled_envelope()
    if end.failure is None:
        return None
    given = given_envelope(end.failure) if EventTypes.of(definition).are_letters else None
    return given or failed_envelope(execution, end.failure)


async def named_workflow(engine: TenantEngine, name: str) -> WorkflowRecord:
    """Find a workflow that clients may start: one with an `interface`. Raises WorkflowNotFound."""
    record = await by_either_name(name, engine.workflows.get)
    check_named(record, name)
    return record


async def by_either_name(name: str, find: Callable[[str], Awaitable[Found]]) -> Found:
    """Find something by the name of a workflow; what code calls `my_flow` is in the registry as `my-flow`."""
    try:
        return await find(name)
    except WorkflowNotFound:
        if (other := name_of(name)) in ("", name):
            raise
    try:
        return await find(other)
    except WorkflowNotFound:
        raise WorkflowNotFound(name) from None


def check_named(record: WorkflowRecord, name: str) -> None:
    """Raise WorkflowNotFound unless clients may start this workflow by that name."""
    if not record.has_interface or name not in (record.name, record.workflow_id, shown_name(record)):
        raise WorkflowNotFound(name)


def shown_name(record: WorkflowRecord) -> str:
    """Name a workflow as clients do: one that a handler brings by the name that its code gives it."""
    return record.title if record.brought_by and is_id(record.title) else record.name


async def workflow_names(engine: TenantEngine) -> list[str]:
    """List the workflows that clients may start, the first that was registered first."""
    found: list[str] = []
    async for records in pages_of(engine.workflows.list):
        found += [shown_name(record) for record in records if record.has_interface]
    return found[::-1]


class WorkflowNames:
    """The names of the workflows of executions, each looked up once, but for those that are known."""

    def __init__(self, engine: TenantEngine, *known: WorkflowRecord) -> None:
        self._workflows = engine.workflows
        self._known: dict[str, str | None] = {each.workflow_id: shown_name(each) for each in known}

    async def of(self, execution: Execution) -> str:
        """Give the name of its workflow; the title of its definition where none is registered any more."""
        workflow_id = execution.workflow_id
        if workflow_id is None:
            return execution.name
        if workflow_id not in self._known:
            self._known[workflow_id] = None
            with contextlib.suppress(WorkflowNotFound):
                self._known[workflow_id] = shown_name(await self._workflows.get(workflow_id))
        return self._known[workflow_id] or execution.name


class HandlerList:
    """The handlers that were started by this contract, newest first; each id once, with the run it leads to.

    An id that leads nowhere any more, because its newest run was removed, is left out.
    statuses, names  words and workflows it is narrowed to; empty for all.
    """

    def __init__(
        self,
        engine: TenantEngine,
        *,
        statuses: Collection[str],
        names: Collection[str],
    ) -> None:
        self._engine = engine
        self._statuses = frozenset(statuses)
        self._names = frozenset(names)
        self._workflow_names = WorkflowNames(engine)
        #: Ids under which more than one run may have been: those that are no execution's own.
        self._seen: set[str] = set()

    async def pages(self) -> AsyncIterator[list[Handler]]:
        """Read them page by page."""
        async for rows in pages_of(self._engine.executions.list, labels=[LABEL]):
            wanted = [row for row in rows if await self._is_wanted(row)]
            for start in range(0, len(wanted), ENDS_TOGETHER):
                part = wanted[start : start + ENDS_TOGETHER]
                found = await asyncio.gather(*(self._read(row) for row in part))
                yield [each for each in found if each is not None]

    async def _is_wanted(self, row: Execution) -> bool:
        handler_id = handler_id_of(row)
        if handler_id in self._seen:
            return False
        if row.execution_key is not None:
            if not await self._leads_to(row.execution_key, row.execution_id):
                return False
            self._seen.add(handler_id)
        if self._statuses and word_of(row.status) not in self._statuses:
            return False
        return not self._names or await self._workflow_names.of(row) in self._names

    async def _leads_to(self, key: str, execution_id: str) -> bool:
        """Say whether a key leads to this run, or to a later one that the list may have missed."""
        try:
            return await self._engine.executions.find(key) >= execution_id
        except ExecutionNotFound:
            return False

    async def _read(self, row: Execution) -> Handler | None:
        try:
            _, definition = await self._engine.executions.brief(row.execution_id)
            return await _handler(self._engine, self._workflow_names, row, definition, handler_id_of(row))
        except ExecutionNotFound:  # purged meanwhile
            return None


async def _handler(
    engine: TenantEngine,
    names: WorkflowNames,
    execution: Execution,
    definition: Definition,
    handler_id: str,
    output: bytes | None = None,
) -> Handler:
    if output is None:
        name, end = await asyncio.gather(names.of(execution), end_of(engine, execution))
    else:
        name, end = await names.of(execution), await end_of(engine, execution, output)
    return Handler(
        handler_id=handler_id,
        workflow_name=name,
        execution=execution,
        definition=definition,
        end=end,
    )
