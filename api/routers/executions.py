"""`/v1/executions`: submit, list, read, trigger, cancel, pause, resume and explain executions."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import engine_of, reach_of
from api.responses import ANY_JSON, JSON, body_of, json_response, location, problems, replay_headers
from api.routers.workflow import trigger_inputs
from api.schemas.executions import (
    CancelRequest,
    ExecutionCreated,
    ExecutionDetail,
    ExecutionPage,
    ExecutionRequest,
    ExplainAnswer,
    ResultsPage,
    VerbAnswer,
)
from api.schemas.interventions import BudgetRequest, PauseRequest, ResumeRequest
from api.schemas.times import Time, milliseconds
from api.schemas.views import (
    execution_fields,
    explanation_fields,
    page_fields,
    result_fields,
    verb_fields,
    view_fields,
)
from api.schemas.workflow import TriggerRequest, WorkflowDefinition
from api.validator import (
    definition_in,
    duration_ms_in,
    execution_id_in,
    idempotency_of,
    read_envelope,
    repeat_id_of,
)
from orchestrator.definitions.budgets import Caps
from orchestrator.states import ExecutionStatus

router = APIRouter(prefix="/v1/executions", tags=["executions"])


@router.post(
    "",
    operation_id="executions_create",
    summary="Submit a definition and, with `trigger`, start it in the same call",
    status_code=201,
    response_model=ExecutionCreated,
    responses={
        202: {"model": ExecutionCreated, "description": "Started"},
        **problems(400, 409, 413, 422, 503),
    },
    openapi_extra=body_of(ExecutionRequest),
)
async def create(request: Request) -> Response:
    body = await request.body()
    engine = engine_of(request)
    sent = await read_envelope(request, ExecutionRequest)
    async with definition_in(sent.definition, reach_of(request)) as document:
        submitted = await engine.executions.submit(
            document,
            # Written out again, so that the engine recognises a definition it has compiled before.
            body=orjson.dumps(document),
            inputs=sent.inputs,
            trigger=sent.trigger,
            idempotency=idempotency_of(request, body),
        )
    headers = location(submitted.execution_id) | replay_headers(submitted.replayed)
    answer = {"execution_id": submitted.execution_id, "status": str(submitted.status)}
    return Response(orjson.dumps(answer), 202 if sent.trigger else 201, headers, JSON)


@router.get(
    "",
    operation_id="executions_list",
    summary="Executions, newest first",
    response_model=ExecutionPage,
    responses=problems(422, 503),
)
async def list_executions(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of a page.")] = None,
    status: ExecutionStatus | None = None,
    name: Annotated[str | None, Query(max_length=128)] = None,
    created_after: Time | None = None,
    created_before: Time | None = None,
) -> Response:
    page = await engine_of(request).executions.list(
        limit=limit,
        cursor=cursor,
        status=status,
        name=name,
        created_after_ms=milliseconds(created_after),
        created_before_ms=milliseconds(created_before),
    )
    headers = _next_link(request, page.next_cursor)
    return json_response(page_fields(page, execution_fields), headers=headers)


@router.get(
    "/{execution_id}",
    operation_id="executions_get",
    summary="An execution with all its nodes",
    response_model=ExecutionDetail,
    responses=problems(404, 503),
)
async def get(request: Request, execution_id: str) -> Response:
    view = await engine_of(request).executions.get(execution_id_in(execution_id))
    return json_response(view_fields(view))


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
    page = await engine_of(request).outputs.page(execution_id_in(execution_id), cursor=cursor)
    answer = {"execution_id": execution_id, "results": result_fields(page), "next_cursor": page.next_cursor}
    return json_response(answer, headers=_next_link(request, page.next_cursor))


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
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(TriggerRequest, is_required=False),
)
async def trigger(request: Request, execution_id: str) -> Response:
    done = await engine_of(request).executions.trigger(
        execution_id_in(execution_id), **await trigger_inputs(request)
    )
    return json_response(verb_fields(done), status=202)


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
        execution_id_in(execution_id), by=sent.by, reason=sent.reason, request_id=repeat_id_of(request)
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
    found = await engine_of(request).executions.explain(execution_id_in(execution_id))
    items = [explanation_fields(explanation) for explanation in found]
    return json_response({"execution_id": execution_id, "items": items})


def _next_link(request: Request, next_cursor: str | None) -> dict[str, str] | None:
    """Link to the next page of the same query; none on the last page."""
    if next_cursor is None:
        return None
    following = request.url.include_query_params(cursor=next_cursor)
    return {"Link": f'<{following.path}?{following.query}>; rel="next"'}


#: Routes that are worth a lane of their own: (path, method, endpoint).
HOT = (("/v1/executions", "POST", create),)
