"""`/v1/schedules`: when workflows start by themselves."""

from collections.abc import Iterable
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import engine_of
from api.etags import etag, if_match, is_known
from api.responses import body_of, json_response, next_link, problems, replay_headers, with_warnings
from api.schemas.executions import ExecutionCreated
from api.schemas.schedules import (
    BackfillBegun,
    BackfillRequest,
    SchedulePage,
    SchedulePause,
    SchedulePreview,
    ScheduleRequest,
    ScheduleRule,
    ScheduleTrigger,
    ScheduleView,
    UpcomingSlots,
    backfilled_fields,
    schedule_fields,
    upcoming_fields,
)
from api.schemas.times import Time, milliseconds
from api.schemas.views import page_fields
from api.starts import started
from api.validator import idempotency_of, read_envelope
from orchestrator.errors import Problem
from orchestrator.operations.results import ScheduleChange

router = APIRouter(prefix="/v1/schedules", tags=["schedules"])


@router.post(
    "",
    operation_id="schedules_create",
    summary="Add a schedule to a workflow",
    status_code=201,
    response_model=ScheduleView,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(ScheduleRequest),
)
async def create(request: Request) -> Response:
    sent = await read_envelope(request, ScheduleRequest)
    done = await engine_of(request).schedules.create(
        sent.workflow,
        sent.given(),
        name=sent.name,
        idempotency=idempotency_of(request, await request.body()),
    )
    location = {"Location": f"/v1/schedules/{done.record.name}"}
    warnings = await engine_of(request).advice.of_schedule(done)
    headers = location | replay_headers(done.replayed)
    return _changed(done, status=201, headers=headers, warnings=warnings)


@router.get(
    "",
    operation_id="schedules_list",
    summary="Schedules, newest first",
    response_model=SchedulePage,
    responses=problems(404, 422, 503),
)
async def list_schedules(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of a page.")] = None,
    workflow: Annotated[
        str | None, Query(min_length=1, max_length=256, description="Of this one only: its name or id.")
    ] = None,
) -> Response:
    schedules = engine_of(request).schedules
    page = await schedules.page(limit=limit, cursor=cursor, workflow=workflow)
    workflows = await schedules.workflows_of(page.items)
    answer = page_fields(page, lambda record: schedule_fields(record, workflows.get(record.workflow_id)))
    return json_response(answer, headers=next_link(request, page.next_cursor))


@router.post(
    "/preview",
    operation_id="schedules_preview",
    summary="The next slots of a schedule that does not exist; nothing is stored",
    response_model=UpcomingSlots,
    responses=problems(413, 422, 503),
    openapi_extra=body_of(SchedulePreview),
)
async def preview(request: Request) -> Response:
    sent = await read_envelope(request, SchedulePreview)
    given = sent.given()
    slots = await engine_of(request).schedules.preview(
        given, count=sent.count, after_ms=milliseconds(sent.after)
    )
    return json_response(upcoming_fields(None, given.get("timezone"), [(slot, slot) for slot in slots]))


@router.get(
    "/{schedule}",
    operation_id="schedules_get",
    summary="One schedule, by its name or id",
    response_model=ScheduleView,
    responses={
        304: {"description": "As it was when it had the ETag in `If-None-Match`"},
        **problems(404, 503),
    },
)
async def get(request: Request, schedule: str) -> Response:
    schedules = engine_of(request).schedules
    record = await schedules.get(schedule)
    if is_known(request, record.tag):
        return Response(status_code=304, headers=etag(record.tag))
    workflows = await schedules.workflows_of([record])
    return json_response(schedule_fields(record, workflows.get(record.workflow_id)), headers=etag(record.tag))


@router.put(
    "/{schedule}",
    operation_id="schedules_put",
    summary="Give a schedule another rule; needs `If-Match`",
    response_model=ScheduleView,
    responses=problems(404, 409, 412, 413, 422, 428, 503),
    openapi_extra=body_of(ScheduleRule),
)
async def put(request: Request, schedule: str) -> Response:
    meant, sent = if_match(request), await read_envelope(request, ScheduleRule)
    done = await engine_of(request).schedules.put(schedule, sent.given(), if_match=meant)
    return _changed(done, warnings=await engine_of(request).advice.of_schedule(done))


@router.delete(
    "/{schedule}",
    operation_id="schedules_delete",
    summary="Remove a schedule; what it has started goes on",
    status_code=204,
    responses=problems(404, 409, 412, 422, 503),
)
async def delete(request: Request, schedule: str) -> Response:
    await engine_of(request).schedules.remove(schedule, if_match=if_match(request))
    return Response(status_code=204)


@router.post(
    "/{schedule}/pause",
    operation_id="schedules_pause",
    summary="Start nothing more until it is resumed; slots of the time in between are let go",
    response_model=ScheduleView,
    responses=problems(404, 413, 422, 503),
    openapi_extra=body_of(SchedulePause, is_required=False),
)
async def pause(request: Request, schedule: str) -> Response:
    sent = await read_envelope(request, SchedulePause, may_be_empty=True)
    return _changed(await engine_of(request).schedules.pause(schedule, by=sent.by, reason=sent.reason))


@router.post(
    "/{schedule}/resume",
    operation_id="schedules_resume",
    summary="Go on with the next slot from now",
    response_model=ScheduleView,
    responses=problems(404, 503),
)
async def resume(request: Request, schedule: str) -> Response:
    return _changed(await engine_of(request).schedules.resume(schedule))


@router.post(
    "/{schedule}/trigger",
    operation_id="schedules_trigger",
    summary="Start an execution now, as if a slot were due, paused or not",
    status_code=202,
    response_model=ExecutionCreated,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(ScheduleTrigger, is_required=False),
)
async def trigger(request: Request, schedule: str) -> Response:
    sent = await read_envelope(request, ScheduleTrigger, may_be_empty=True)
    submitted = await engine_of(request).schedules.trigger(
        schedule, inputs=sent.inputs, idempotency=idempotency_of(request, await request.body())
    )
    return await started(request, submitted, wait_s=None)


@router.get(
    "/{schedule}/next",
    operation_id="schedules_next",
    summary="The next slots of a schedule",
    response_model=UpcomingSlots,
    responses=problems(404, 422, 503),
)
async def upcoming(
    request: Request,
    schedule: str,
    count: Annotated[int, Query(ge=1, le=1_000)] = 10,
    after: Annotated[Time | None, Query(description="Now, unless another time is given.")] = None,
) -> Response:
    record, slots = await engine_of(request).schedules.upcoming(
        schedule, count=count, after_ms=milliseconds(after)
    )
    timezone = orjson.loads(record.spec_text).get("timezone")
    return json_response(upcoming_fields(record.schedule_id, timezone, slots))


@router.post(
    "/{schedule}/backfill",
    operation_id="schedules_backfill",
    summary="Start an execution for each slot of a time that has passed, or say which there are",
    status_code=202,
    response_model=BackfillBegun,
    responses={
        200: {"model": BackfillBegun, "description": "The preview, with `dry_run`"},
        **problems(404, 409, 413, 422, 503),
    },
    openapi_extra=body_of(BackfillRequest),
)
async def backfill(request: Request, schedule: str) -> Response:
    sent = await read_envelope(request, BackfillRequest)
    done = await engine_of(request).schedules.backfill(
        schedule,
        start_ms=milliseconds(sent.start) or 0,
        end_ms=milliseconds(sent.end) or 0,
        most=sent.max_active,
        is_dry_run=sent.dry_run,
    )
    return json_response(backfilled_fields(done), status=200 if sent.dry_run else 202)


@router.delete(
    "/{schedule}/backfill",
    operation_id="schedules_backfill_stop",
    summary="Start no further slot of a backfill; what it has started goes on",
    response_model=ScheduleView,
    responses=problems(404, 503),
)
async def stop_backfill(request: Request, schedule: str) -> Response:
    return _changed(await engine_of(request).schedules.stop_backfill(schedule))


def _changed(
    done: ScheduleChange,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    warnings: Iterable[Problem] = (),
) -> Response:
    """Answer a change with the schedule it came to."""
    return json_response(
        with_warnings(schedule_fields(done.record, done.workflow), warnings),
        status=status,
        headers=etag(done.record.tag) | (headers or {}),
    )
