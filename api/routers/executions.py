"""`/v1/executions`: submit, list, read, trigger, cancel, pause, resume, purge and explain executions."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import list_filters
from api.access import reach_of
from api.auth import engine_of, identity_of
from api.responses import ANY_JSON, JSON, body_of, json_response, next_link, problems
from api.routers.workflow import trigger_inputs
from api.schemas.execution_views import lean_view_fields, view_fields
from api.schemas.executions import (
    CountedPage,
    ExecutionCreated,
    ExecutionDetail,
    ExecutionPage,
    ExecutionRequest,
    ExplainAnswer,
    LeanExecutionDetail,
    ResultsPage,
    VerbAnswer,
)
from api.schemas.interventions import BudgetRequest, CancelRequest, PauseRequest, ResumeRequest
from api.schemas.times import Time, milliseconds
from api.schemas.views import (
    counts_fields,
    execution_fields,
    explanation_fields,
    page_fields,
    result_fields,
    verb_fields,
)
from api.schemas.workflow import TriggerRequest, WorkflowDefinition
from api.starts import (
    IN_TIME,
    MOST_WAIT_S,
    ended_in_time,
    expecting,
    origin_of,
    preferred_wait_s,
    started,
)
from api.validator import (
    definition_in,
    duration_ms_in,
    execution_id_in,
    execution_in,
    idempotency_of,
    labels_in,
    read_envelope,
    repeat_id_of,
    trigger_in,
)
from orchestrator.definitions.budgets import Caps
from orchestrator.operations.origin import KEY_CHARS
from orchestrator.operations.results import Submitted
from orchestrator.operations.sieve import Sieve
from orchestrator.states import ExecutionStatus

router = APIRouter(prefix="/v1/executions", tags=["executions"])


@router.post(
    "",
    operation_id="executions_create",
    summary="Submit a definition and, with `trigger`, start it in the same call",
    status_code=201,
    response_model=ExecutionCreated,
    responses={
        200: {
            "model": ExecutionDetail | ExecutionCreated,
            "description": f"{IN_TIME}; or the execution that holds the key is used",
        },
        202: {"model": ExecutionCreated, "description": "Started"},
        **problems(400, 409, 413, 422, 503),
    },
    openapi_extra=body_of(ExecutionRequest),
)
async def create(request: Request) -> Response:
    body = await request.body()
    engine = engine_of(request)
    sent = await read_envelope(request, ExecutionRequest)
    is_started, document_of_start = trigger_in(sent.trigger)
    wait_s = preferred_wait_s(request)
    wait_s = wait_s if is_started else None
    with expecting(request, wait=wait_s is not None) as expected:
        async with definition_in(sent.definition, reach_of(request)) as document:
            submitted = await engine.executions.submit(
                document,
                # Written out again, so that the engine recognises a definition it has compiled before.
                body=orjson.dumps(document),
                inputs=sent.inputs,
                trigger=is_started,
                origin=origin_of(sent, trigger=document_of_start, waiter=expected.channel),
                idempotency=idempotency_of(request, body),
            )
        status = 202 if is_started else 201
        return await started(request, submitted, wait_s=wait_s, status=status, expected=expected)


@router.get(
    "",
    operation_id="executions_list",
    summary="Executions, newest first",
    response_model=CountedPage,
    responses=problems(404, 422, 503),
)
async def list_executions(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of a page.")] = None,
    status: Annotated[list[ExecutionStatus], Query(description="Several: any of them.")] = [],  # noqa: B006
    name: Annotated[str | None, Query(max_length=256, description="The whole title.")] = None,
    name_prefix: Annotated[str, Query(max_length=256, description="How the title begins.")] = "",
    text: list_filters.TextQuery = "",
    parent: list_filters.ParentQuery = None,
    workflow: list_filters.WorkflowQuery = None,
    label: Annotated[list[str], Query(description="`name:value`; several must all be there.")] = [],  # noqa: B006
    schedule: list_filters.ScheduleQuery = None,
    webhook: list_filters.WebhookQuery = None,
    execution_key: Annotated[
        str | None, Query(min_length=1, max_length=KEY_CHARS, description="The execution that holds the key.")
    ] = None,
    created_after: Time | None = None,
    created_before: Time | None = None,
    ended_after: list_filters.EndedAfterQuery = None,
    ended_before: list_filters.EndedBeforeQuery = None,
    counts: Annotated[bool, Query(description="Count by status all that match the other filters.")] = False,
) -> Response:
    engine = engine_of(request)
    ended_ms = (milliseconds(ended_after), milliseconds(ended_before))
    filters: dict[str, Any] = {
        "sieve": Sieve(frozenset(status), name, name_prefix, text.strip(), parent == "none", ended_ms),
        "workflow_id": await list_filters.workflow_id_in(engine, workflow),
        "labels": [*labels_in(label), *await list_filters.starters_in(engine, schedule, webhook)],
        "execution_key": execution_key,
        "created_after_ms": milliseconds(created_after),
        "created_before_ms": milliseconds(created_before),
    }
    page = await engine.executions.list(limit=limit, cursor=cursor, **filters)
    if not (page.items or cursor or page.next_cursor):
        await list_filters.refuse_unknown(engine, schedule, webhook)
    counted = counts_fields(await engine.recent.count(**filters)) if counts else {}
    headers = next_link(request, page.next_cursor)
    return json_response(page_fields(page, execution_fields) | counted, headers=headers)


@router.get(
    "/{execution_id}",
    operation_id="executions_get",
    summary="An execution with all its nodes; with `wait`, once it has ended or the time is over",
    response_model=ExecutionDetail | LeanExecutionDetail,
    responses={200: {"description": "The second with `view=lean`"}, **problems(404, 422, 503)},
)
async def get(
    request: Request,
    execution_id: str,
    wait: Annotated[
        int | None, Query(ge=0, le=MOST_WAIT_S, description="Seconds to wait for its end.")
    ] = None,
    view: Annotated[
        Literal["lean"] | None,
        Query(description="`lean` leaves out inputs, trigger, outputs, and what nodes used."),
    ] = None,
) -> Response:
    execution_id = await execution_in(request, execution_id)
    if wait:
        await ended_in_time(request, execution_id, wait)
    found = await engine_of(request).executions.get(execution_id, is_lean=view == "lean")
    return json_response(view_fields(found) if view is None else lean_view_fields(found))


@router.delete(
    "/{execution_id}",
    operation_id="executions_purge",
    summary="Remove an ended execution, or one never started, with its children",
    status_code=204,
    responses=problems(404, 409, 503),
)
async def purge(request: Request, execution_id: str) -> Response:
    await engine_of(request).executions.purge(execution_id_in(execution_id))
    return Response(status_code=204)


@router.get(
    "/{execution_id}/results",
    operation_id="executions_results",
    summary="Every node's output, in pages of some MiB",
    response_model=ResultsPage,
    responses=problems(404, 422, 503),
)
async def results(
    request: Request,
    execution_id: str,
    cursor: Annotated[str | None, Query(max_length=16, description="`next_cursor` of a page.")] = None,
) -> Response:
    execution_id = await execution_in(request, execution_id)
    page = await engine_of(request).outputs.page(execution_id, cursor=cursor)
    answer = {"execution_id": execution_id, "results": result_fields(page), "next_cursor": page.next_cursor}
    return json_response(answer, headers=next_link(request, page.next_cursor))


@router.get(
    "/{execution_id}/output",
    operation_id="executions_output",
    summary="What the `output` of its definition came to, whole",
    response_class=Response,
    responses={200: ANY_JSON, **problems(404, 503)},
)
async def output(request: Request, execution_id: str) -> Response:
    found = await engine_of(request).outputs.of_execution(execution_id_in(execution_id))
    return Response(found, media_type=JSON)


@router.get(
    "/{execution_id}/definition",
    operation_id="executions_definition",
    summary="The definition as submitted",
    response_model=WorkflowDefinition,
    responses=problems(404, 503),
)
async def definition(request: Request, execution_id: str) -> Response:
    found = await engine_of(request).executions.definition(execution_id_in(execution_id))
    return Response(found, media_type=JSON)


@router.get(
    "/{execution_id}/children",
    operation_id="executions_children",
    summary="Executions that nodes of this one started, oldest first",
    response_model=ExecutionPage,
    responses=problems(404, 422, 503),
)
async def children(
    request: Request,
    execution_id: str,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=16, description="`next_cursor` of a page.")] = None,
) -> Response:
    page = await engine_of(request).executions.children(
        execution_id_in(execution_id), limit=limit, cursor=cursor
    )
    return json_response(page_fields(page, execution_fields))


@router.post(
    "/{execution_id}/trigger",
    operation_id="executions_trigger",
    summary="Start an execution; again is harmless",
    status_code=202,
    response_model=VerbAnswer,
    responses={200: {"model": ExecutionDetail, "description": IN_TIME}, **problems(404, 409, 413, 422, 503)},
    openapi_extra=body_of(TriggerRequest, is_required=False),
)
async def trigger(request: Request, execution_id: str) -> Response:
    sent, wait_s = await trigger_inputs(request), preferred_wait_s(request)
    done = await engine_of(request).executions.trigger(execution_id_in(execution_id), **sent)
    triggered = Submitted(done.execution_id, done.status, False, warnings=done.warnings)
    return await started(request, triggered, wait_s=wait_s, answer=verb_fields(done))


@router.post(
    "/{execution_id}/cancel",
    operation_id="executions_cancel",
    summary="Cancel; running handlers get `grace` to finish",
    status_code=202,
    response_model=VerbAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(CancelRequest, is_required=False),
)
async def cancel(request: Request, execution_id: str) -> Response:
    sent = await read_envelope(request, CancelRequest, may_be_empty=True)
    done = await engine_of(request).executions.cancel(
        execution_id_in(execution_id),
        reason=sent.reason,
        grace_ms=duration_ms_in(sent.grace, "grace"),
        request_id=repeat_id_of(request),
    )
    return json_response(verb_fields(done), status=202)


@router.post(
    "/{execution_id}/pause",
    operation_id="executions_pause",
    summary="Start nothing more until a resume; what runs goes on to its end",
    status_code=202,
    response_model=VerbAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(PauseRequest, is_required=False),
)
async def pause(request: Request, execution_id: str) -> Response:
    sent = await read_envelope(request, PauseRequest, may_be_empty=True)
    done = await engine_of(request).executions.pause(
        execution_id_in(execution_id),
        by=sent.by,
        reason=sent.reason,
        request_id=repeat_id_of(request),
    )
    return json_response(verb_fields(done), status=202)


@router.post(
    "/{execution_id}/resume",
    operation_id="executions_resume",
    summary="Go on with a paused execution: what was held is queued in order",
    status_code=202,
    response_model=VerbAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(ResumeRequest, is_required=False),
)
async def resume(request: Request, execution_id: str) -> Response:
    sent = await read_envelope(request, ResumeRequest, may_be_empty=True)
    limits = sent.budget or BudgetRequest()
    done = await engine_of(request).executions.resume(
        execution_id_in(execution_id),
        by=sent.by,
        reason=sent.reason,
        budget=Caps.of(limits.max_tokens, limits.max_cost_usd),
        request_id=repeat_id_of(request),
    )
    return json_response(verb_fields(done), status=202)


@router.get(
    "/{execution_id}/explain",
    operation_id="executions_explain",
    summary="What every unfinished node waits for, and what will wake it",
    response_model=ExplainAnswer,
    responses=problems(404, 503),
)
async def explain(request: Request, execution_id: str) -> Response:
    execution_id = await execution_in(request, execution_id)
    found = await engine_of(request).executions.explain(
        execution_id, names_workers=identity_of(request).is_operator
    )
    items = [explanation_fields(explanation) for explanation in found]
    return json_response({"execution_id": execution_id, "items": items})


#: Routes that are worth a lane of their own: (path, method, operation id, endpoint).
HOT = (("/v1/executions", "POST", "executions_create", create),)
