"""The calls of workflow servers: what each reads, the verb of the engine it is, and how it is answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import Header, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of, identity_of, require
from api.dialects.workflow_server import handlers
from api.dialects.workflow_server.event_types import EventTypes, schema_of
from api.dialects.workflow_server.graph import graph_of
from api.dialects.workflow_server.handlers import LABEL, Handler, HandlerList
from api.dialects.workflow_server.lowering import (
    Refused,
    handler_id_in,
    key_of,
    read_body,
    read_run_event,
    read_start,
    sequence_in,
)
from api.dialects.workflow_server.rendering import HEARTBEAT, HTTP_STATUSES, WORDS, EventWords
from api.dialects.workflow_server.story import Ends
from api.owners import RouteOwner
from api.responses import json_response, replay_headers
from api.starts import ended_in_time, expecting, told_of
from api.streaming.event_stream import RenderedStream
from api.streaming.results import JsonStream
from api.validator import idempotency_of, repeat_id_of
from orchestrator.definitions.definition import Definition
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.errors import ExecutionKeyTaken, ExecutionNotFound, InvalidTransition
from orchestrator.execution.letters import Posted
from orchestrator.operations.origin import Origin
from orchestrator.operations.results import Signalled, Submitted

#: Longer than any client waits for the end of a run.
FOREVER_S = 10 * 365 * 86_400.0
#: What is under way has no grace when a run is cancelled: its end is a matter of moments.
CANCELLED_WITHIN_S = 10.0
SSE, NDJSON = "text/event-stream", "application/x-ndjson"
COMPLETED = "Workflow already completed"


# Workflows


async def health() -> Response:
    return json_response({"status": "healthy"})


async def list_workflows(request: Request) -> Response:
    return json_response({"workflows": await handlers.workflow_names(engine_of(request))})


async def schema(request: Request, name: str) -> Response:
    types = EventTypes.of(await _definition(request, name))
    return json_response({"start": schema_of(types.start), "stop": schema_of(types.stop)})


async def events_schema(request: Request, name: str) -> Response:
    return json_response({"events": EventTypes.of(await _definition(request, name)).schemas()})


async def representation(request: Request, name: str) -> Response:
    return json_response({"graph": graph_of(await _definition(request, name))})


async def run(request: Request, name: str) -> Response:
    with expecting(request) as expected:
        started = await _started(request, name, waiter=expected.asking)
        # False where the client has left or this server stops: the handler goes on, and the answer says so.
        has_ended = await ended_in_time(
            request,
            started.submitted.execution_id,
            FOREVER_S,
            expected=told_of(started.submitted, expected),
        )
    return await _shown(request, started, told=expected.told if has_ended else None)


async def run_nowait(request: Request, name: str) -> Response:
    return await _shown(request, await _started(request, name), status=200)


# Handlers


async def list_handlers(
    request: Request,
    status: Annotated[list[str], Query(description=f"One or more of {', '.join(WORDS)}.")] = [],  # noqa: B006
    workflow_name: Annotated[list[str], Query(description="Names of workflows.")] = [],  # noqa: B006
) -> Response:
    statuses = [each for each in status if each]
    if unknown := [each for each in statuses if each not in WORDS]:
        raise Refused(f"Invalid status: {unknown[0][:80]}. Expected one of {', '.join(WORDS)}", "status")
    names = [each for each in workflow_name if each]
    pages = HandlerList(engine_of(request), statuses=statuses, names=names).pages()
    # Before the first byte: what cannot be read has a status then.
    first: list[Handler] = await anext(pages, [])

    async def chunks() -> Any:
        yield b'{"handlers":['
        page, separator = first, b""
        while True:
            for each in page:
                yield separator + json_response(each.fields()).body
                separator = b","
            try:
                page = await anext(pages)
            except StopAsyncIteration:
                break
        yield b"]}"

    return JsonStream(chunks(), subject="handlers")


async def handler(request: Request, handler_id: str) -> Response:
    found = await handlers.read(engine_of(request), handler_id)
    return json_response(found.fields(), status=HTTP_STATUSES[found.status])


async def result(request: Request, handler_id: str) -> Response:
    found = await handlers.read(engine_of(request), handler_id)
    return json_response(found.fields(is_unwrapped=True), status=HTTP_STATUSES[found.status])


async def cancel(
    request: Request,
    handler_id: str,
    purge: Annotated[bool, Query(description="Also removes it, ended or not.")] = False,
) -> Response:
    if purge:
        # What removes executions is for keys of this scope everywhere.
        await require(request, RouteOwner.ADMIN)
    engine = engine_of(request)
    execution_id = await handlers.find(engine, handler_id)
    is_over = (await engine.executions.status(execution_id)).is_terminal
    if not is_over:
        try:
            await engine.executions.cancel(execution_id, grace_ms=0, request_id=repeat_id_of(request))
            await ended_in_time(request, execution_id, CANCELLED_WITHIN_S)
        except InvalidTransition:  # it has just ended
            is_over = True
    if not purge and is_over:
        raise ExecutionNotFound(handler_id)
    if purge:
        await handlers.remove(engine, handler_id, execution_id)
    return json_response({"status": "deleted" if purge else "cancelled"})


# Events


async def events(
    request: Request,
    handler_id: str,
    sse: Annotated[bool, Query(description="Server-sent events; lines of JSON otherwise.")] = True,
    include_internal: Annotated[bool, Query(description="Also changes of steps.")] = False,
    include_qualified_name: Annotated[bool, Query(description="Names classes with their modules.")] = True,
    after_sequence: Annotated[
        str | None,
        Query(
            description="The id of an event, `-1` for the beginning, or `now`.",
            json_schema_extra={"pattern": "^(-?[0-9]{1,18}|now)?$"},
        ),
    ] = None,
    acquire_timeout: Annotated[
        float | None, Query(description="Has no effect: any number of readers may read.")
    ] = None,
    last_event_id: Annotated[
        str | None, Header(description="Wins over `after_sequence`, among server-sent events only.")
    ] = None,
) -> Response:
    engine = engine_of(request)
    execution_id = await handlers.find(engine, handler_id)
    after = sequence_in(after_sequence, last_event_id if sse else None)
    position = await engine.events.position(execution_id, after=after, is_from_now=after is None)
    if position is None:
        return Response(status_code=204)
    _, definition = await engine.executions.brief(execution_id)
    ends = Ends(engine)
    words = EventWords(
        definition,
        ends.found,
        is_sse=sse,
        shows_internal=include_internal,
        has_qualified_names=include_qualified_name,
    )
    return RenderedStream(
        reach_of(request).hub,
        execution_id,
        after=position,
        renderer=words,
        look_up=ends.look_up,
        media_type=f"{SSE}; charset=utf-8" if sse else NDJSON,
        ping=HEARTBEAT if sse else None,
        credential=identity_of(request).credential,
    )


async def send_event(request: Request, handler_id: str) -> Response:
    sent, engine = await _body(request), engine_of(request)
    execution_id = await handlers.find(engine, handler_id)
    execution, definition = await engine.executions.brief(execution_id)
    types = EventTypes.of(definition)
    try:
        event = read_run_event(sent, types, types.steps if types.are_letters else definition.by_id)
    except Refused:
        if execution.status.is_terminal:
            raise HTTPException(409, COMPLETED) from None
        raise
    idempotency = idempotency_of(request, await request.body())
    done: Posted | Signalled
    try:
        if types.are_letters:
            done = await engine.inboxes.post_event(
                execution_id, event.name, event.payload, step=event.step, idempotency=idempotency
            )
        else:
            done = await engine.signals.send(execution_id, event.name, event.payload, idempotency=idempotency)
    except InvalidTransition:  # it has ended, or is being cancelled
        raise HTTPException(409, COMPLETED) from None
    return json_response({"status": "sent"}, headers=replay_headers(done.replayed))


# What they share


async def _body(request: Request) -> dict[str, Any]:
    body, reach = await request.body(), reach_of(request)
    max_depth = reach.engine.limits.max_depth
    return await reach.turns.read(body, lambda: read_body(body, max_depth=max_depth))


async def _definition(request: Request, name: str) -> Definition:
    engine = engine_of(request)
    return await engine.workflows.compiled(await handlers.named_workflow(engine, name))


@dataclass(slots=True)
class Start:
    """A run that is asked for, and the workflow that it turned out to be of."""

    name: str
    sent: dict[str, Any]
    workflow: WorkflowRecord | None = None

    def inputs_of(self, workflow: WorkflowRecord, definition: Definition) -> dict[str, Any]:
        """Make the inputs of it. Raises WorkflowNotFound, Refused."""
        handlers.check_named(workflow, self.name)
        self.workflow = workflow
        return read_start(self.sent, EventTypes.of(definition))


class Started(NamedTuple):
    """A run that was started, and the id of its handler."""

    handler_id: str
    workflow: WorkflowRecord | None
    submitted: Submitted


async def _started(request: Request, name: str, *, waiter: str | None = None) -> Started:
    """Start a run. Raises WorkflowNotFound, Refused, HTTPException (409)."""
    start, engine = Start(name, await _body(request)), engine_of(request)
    handler_id = handler_id_in(start.sent.get("handler_id"))
    origin = Origin(labels=dict([LABEL]), waiter=waiter)
    if handler_id is not None:
        await handlers.refuse_running(engine, handler_id)
        key = key_of(handler_id)
        origin = replace(origin, execution_key=key, id_conflict_policy="fail")
    start_it = partial(
        engine.workflows.start,
        inputs=start.inputs_of,
        origin=origin,
        idempotency=idempotency_of(request, await request.body()),
    )
    try:
        submitted = await handlers.by_either_name(name, start_it)
    except ExecutionKeyTaken:
        raise handlers.AlreadyRunning(handler_id or "") from None
    return Started(handler_id or submitted.execution_id, start.workflow, submitted)


async def _shown(
    request: Request, started: Started, *, status: int | None = None, told: bytes | None = None
) -> Response:
    submitted = started.submitted
    found = await handlers.read_started(
        engine_of(request), started.handler_id, submitted.execution_id, started.workflow, told
    )
    headers = replay_headers(submitted.replayed)
    return json_response(found.fields(), status=status or HTTP_STATUSES[found.status], headers=headers)
