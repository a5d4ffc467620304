"""Executions under `/api/executions`: list, read, watch, cancel and replay them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Header, Query, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of, identity_of
from api.dialects.automation.calls import LABEL, counted, refused, router
from api.dialects.automation.events import Updates, connected_frame, log_fields
from api.dialects.automation.rendering import STATUSES, detail_fields, execution_fields
from api.dialects.automation.rules import rules_of
from api.dialects.automation.schemas import (
    Cancelled,
    ExecutionDetail,
    ExecutionList,
    LogList,
    ReplayRequest,
    Started,
    Update,
)
from api.refusals import ReplayDisabled
from api.responses import body_of, event_stream, json_response, replay_headers
from api.schemas.times import Time, milliseconds
from api.shown_outputs import shown_outputs
from api.streaming.event_stream import RenderedStream
from api.streaming.results import JsonStream
from api.validator import execution_in, idempotency_of, read_envelope, repeat_id_of
from orchestrator.documents import exact_json
from orchestrator.engine import TenantEngine
from orchestrator.operations.events import Events
from orchestrator.operations.sieve import Sieve

StatusWord = Literal["pending", "running", "completed", "failed", "cancelled"]
#: Events read at a time for a log.
PAGE = 1_000

_STREAMED = event_stream(
    Update,
    description="`connected`, then every update from the beginning, then live until the end.",
    over="The execution has ended, and the client has seen it all.",
)


@router.get(
    "/executions",
    operation_id="automation_executions_list",
    summary="Executions of this door, newest first",
    response_model=ExecutionList,
    responses=refused(422, 429, 503),
    dependencies=counted("reads"),
)
async def list_executions(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[str | None, Query(max_length=64, description="`cursor` of a page.")] = None,
    status: StatusWord | None = None,
    workflow_id: Annotated[str | None, Query(max_length=64)] = None,
    created_after: Time | None = None,
    created_before: Time | None = None,
) -> Response:
    executions = engine_of(request).executions
    page = await executions.list(
        limit=limit,
        cursor=cursor,
        sieve=Sieve(frozenset(each for each, word in STATUSES.items() if word == status)),
        workflow_id=workflow_id,
        labels=list(LABEL.items()),
        created_after_ms=milliseconds(created_after),
        created_before_ms=milliseconds(created_before),
    )
    triggers = await executions.triggers(page.items)
    shown = [execution_fields(row, triggers.get(row.execution_id)) for row in page.items]
    return json_response({"executions": shown, "cursor": page.next_cursor})


@router.get(
    "/executions/{execution_id}",
    operation_id="automation_executions_get",
    summary="One execution with every step",
    response_model=ExecutionDetail,
    responses=refused(404, 429, 503),
    dependencies=counted("reads"),
)
async def get(request: Request, execution_id: str) -> Response:
    engine = engine_of(request)
    execution_id = await execution_in(request, execution_id)
    view = await engine.executions.get(execution_id)
    outputs = await shown_outputs(engine, view)
    configs = await engine.nodes.rendered_configs(execution_id)
    return json_response(detail_fields(outputs, configs))


@router.post(
    "/executions/{execution_id}/cancel",
    operation_id="automation_executions_cancel",
    summary="Cancel an execution at once; steps that have not ended are skipped",
    response_model=Cancelled,
    responses=refused(404, 409, 413, 422, 429, 503),
    dependencies=counted("executions"),
)
async def cancel(request: Request, execution_id: str) -> Response:
    execution_id = await execution_in(request, execution_id)
    await engine_of(request).executions.cancel(execution_id, grace_ms=0, request_id=repeat_id_of(request))
    return json_response({"cancelled": True})


@router.post(
    "/executions/{execution_id}/replay",
    operation_id="automation_executions_replay",
    summary="Start the same again, with the same trigger data or with some of it changed",
    status_code=202,
    response_model=Started,
    responses=refused(403, 404, 409, 413, 422, 429, 503),
    openapi_extra=body_of(ReplayRequest, is_required=False),
    dependencies=counted("executions"),
)
async def replay(request: Request, execution_id: str) -> Response:
    if not rules_of(request).is_replay_enabled:
        raise ReplayDisabled
    sent = await read_envelope(request, ReplayRequest, may_be_empty=True)
    engine = engine_of(request)
    execution_id = await execution_in(request, execution_id)
    override = {**sent.override_data, **sent.trigger_data}
    trigger = await _merged(engine, execution_id, override) if override else None
    submitted = await engine.executions.replay(
        execution_id,
        trigger=trigger,
        labels=LABEL,
        idempotency=idempotency_of(request, await request.body()),
    )
    answer = {"execution_id": submitted.execution_id}
    return json_response(answer, status=202, headers=replay_headers(submitted.replayed))


@router.get(
    "/executions/{execution_id}/logs",
    operation_id="automation_executions_logs",
    summary="What has happened, oldest first",
    response_model=LogList,
    responses=refused(404, 422, 429, 503),
    dependencies=counted("reads"),
)
async def logs(
    request: Request, execution_id: str, step_id: Annotated[str | None, Query(max_length=128)] = None
) -> Response:
    events = engine_of(request).events
    execution_id = await execution_in(request, execution_id)
    # What comes while it is written is left to the next call.
    last = await events.last_seq(execution_id)
    return JsonStream(_log(events, execution_id, last, step_id), subject=execution_id)


@router.get(
    "/executions/{execution_id}/stream",
    operation_id="automation_executions_stream",
    summary="Updates of steps as server-sent events",
    response_class=Response,
    responses={**_STREAMED, **refused(404, 422, 429, 503)},
    dependencies=counted("reads"),
)
async def stream(
    request: Request,
    execution_id: str,
    last_event_id: Annotated[int | None, Header(ge=0, le=10**17)] = None,
) -> Response:
    engine, reach = engine_of(request), reach_of(request)
    execution_id = await execution_in(request, execution_id)
    view = await engine.executions.get(execution_id)
    position = await engine.events.position(execution_id, after=last_event_id, is_from_now=False)
    if position is None:
        return Response(status_code=204)
    return RenderedStream(
        reach.hub,
        execution_id,
        after=position,
        renderer=Updates(view.definition),
        media_type="text/event-stream",
        head=connected_frame(execution_id, STATUSES[view.execution.status]),
        credential=identity_of(request).credential,
    )


async def _log(events: Events, execution_id: str, last: int, step_id: str | None) -> AsyncIterator[bytes]:
    """Write the log up to event `last`, a part of the history at a time."""
    yield b'{"logs":['
    separator, after = b"", 0
    while after < last and (part := await events.list(execution_id, after=after, limit=PAGE)):
        after = part[-1].seq
        wanted = (event for event in part if event.seq <= last and step_id in (None, event.node_id))
        rows = [exact_json.dumps(row) for event in wanted if (row := log_fields(event)) is not None]
        if rows:
            yield separator + b",".join(rows)
            separator = b","
    yield b"]}"


async def _merged(engine: TenantEngine, execution_id: str, override: dict[str, Any]) -> dict[str, Any]:
    """Put what is sent over the payload of the original."""
    view = await engine.executions.get(execution_id)
    payload = exact_json.loads(view.trigger or b"{}").get("payload")
    return {"payload": {**(payload if isinstance(payload, dict) else {}), **override}}
