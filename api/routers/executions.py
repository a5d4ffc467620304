"""`/v1/executions`: submit and start, list, look at, cancel, explain."""

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import engine_of
from api.problems import RequestInvalid
from api.responses import JSON, body_of, json_response, problems
from api.routers.workflow import replay_headers, results_of, trigger_inputs
from api.schemas.executions import (
    CancelRequest,
    ExecutionCreated,
    ExecutionDetail,
    ExecutionPage,
    ExecutionRequest,
    ExplainAnswer,
    ItemPage,
    NodeView,
    VerbAnswer,
)
from api.schemas.times import milliseconds
from api.schemas.views import execution_fields, explanation_fields, item_fields, node_fields
from api.schemas.workflow import TriggerRequest, WorkflowDefinition, WorkflowResults
from api.validator import cursor_checked, definition_in, execution_id_in, idempotency_of, parse_envelope
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.errors import Problem
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
    sent = parse_envelope(ExecutionRequest, body, max_depth=engine.limits.max_depth)
    with definition_in(sent.definition, engine.limits) as document:
        submitted = await engine.submit(
            document,
            # Written out again, so that the engine recognises a definition it has compiled before.
            body=orjson.dumps(document),
            inputs=sent.inputs,
            trigger=sent.trigger,
            idempotency=idempotency_of(request, body),
        )
    headers = {"Location": f"/v1/executions/{submitted.execution_id}"}
    headers |= replay_headers(submitted.replayed) or {}
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
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> Response:
    with cursor_checked(cursor):
        page = await engine_of(request).list(
            limit=limit,
            cursor=cursor,
            status=status,
            name=name,
            created_after_ms=milliseconds(created_after),
            created_before_ms=milliseconds(created_before),
        )
    headers = None
    if page.next_cursor is not None:
        following = request.url.include_query_params(cursor=page.next_cursor)
        headers = {"Link": f'<{following.path}?{following.query}>; rel="next"'}
    items = [execution_fields(execution) for execution in page.items]
    return json_response({"items": items, "next_cursor": page.next_cursor}, headers=headers)


@router.get(
    "/{execution_id}",
    operation_id="executions_get",
    summary="An execution with all its nodes",
    response_model=ExecutionDetail,
    responses=problems(404, 503),
)
async def get(request: Request, execution_id: str) -> Response:
    engine = engine_of(request)
    view = await engine.get(execution_id_in(execution_id))
    outputs = await engine.results(execution_id)
    mapped = [state.node_id for state in view.nodes if view.definition.node(state.node_id).map]
    counts = await engine.map_counts(execution_id, mapped) if mapped else {}
    nodes = [
        node_fields(
            view.definition.node(state.node_id),
            state,
            outputs.get(state.node_id),
            counts.get(state.node_id),
        )
        for state in view.nodes
    ]
    answer = execution_fields(view.execution) | {"quiesced": await engine.is_quiesced(view)}
    answer |= {
        "inputs": view.execution.inputs,
        "output": None if view.output is None else orjson.Fragment(view.output),
        "output_error": view.output_error,
        "nodes": nodes,
    }
    return json_response(answer)


@router.get(
    "/{execution_id}/results",
    operation_id="executions_results",
    summary="Every node's output",
    response_model=WorkflowResults,
    responses=problems(404, 503),
)
async def results(request: Request, execution_id: str) -> Response:
    return await results_of(request, execution_id)


@router.get(
    "/{execution_id}/definition",
    operation_id="executions_definition",
    summary="The definition as submitted",
    response_model=WorkflowDefinition,
    responses=problems(404, 503),
)
async def definition(request: Request, execution_id: str) -> Response:
    return Response(await engine_of(request).definition(execution_id_in(execution_id)), media_type=JSON)


@router.get(
    "/{execution_id}/nodes/{node_id}",
    operation_id="executions_node",
    summary="One node and its output",
    response_model=NodeView,
    responses=problems(404, 503),
)
async def node(request: Request, execution_id: str, node_id: str) -> Response:
    engine = engine_of(request)
    state, output = await engine.node(execution_id_in(execution_id), node_id)
    view = await engine.get(execution_id)
    found = view.definition.node(node_id)
    counts = await engine.map_counts(execution_id, [node_id]) if found.map else {}
    return json_response(node_fields(found, state, output, counts.get(node_id)))


@router.get(
    "/{execution_id}/nodes/{node_id}/items",
    operation_id="executions_items",
    summary="The items of a mapped node, in order",
    response_model=ItemPage,
    responses=problems(404, 422, 503),
)
async def items(
    request: Request,
    execution_id: str,
    node_id: str,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=16, description="`next_cursor` of a page.")] = None,
) -> Response:
    first = _place(cursor)
    page = await engine_of(request).items(execution_id_in(execution_id), node_id, first=first, limit=limit)
    following = str(first + limit) if len(page) == limit else None
    return json_response({"items": [item_fields(item) for item in page], "next_cursor": following})


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
    first = _place(cursor)
    page = await engine_of(request).children(execution_id_in(execution_id), first=first, limit=limit)
    items = [execution_fields(execution) for execution in page.items]
    return json_response({"items": items, "next_cursor": page.next_cursor})


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
    done = await engine_of(request).trigger(execution_id_in(execution_id), **await trigger_inputs(request))
    return _verb_answer(done.execution_id, done.status, done.already)


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
    sent = parse_envelope(CancelRequest, await request.body(), may_be_empty=True)
    try:
        grace_ms = parse_duration_ms(sent.grace)
    except ValueError as error:
        raise RequestInvalid([Problem("grace", "wrong_value", f"'grace': {error}")]) from error
    done = await engine_of(request).cancel(
        execution_id_in(execution_id),
        reason=sent.reason,
        grace_ms=grace_ms,
        request_id=request.headers.get("idempotency-key") or request.scope["headrace.request_id"],
    )
    return _verb_answer(done.execution_id, done.status, done.already)


@router.get(
    "/{execution_id}/explain",
    operation_id="executions_explain",
    summary="What every unfinished node waits for, and what will wake it",
    response_model=ExplainAnswer,
    responses=problems(404, 503),
)
async def explain(request: Request, execution_id: str) -> Response:
    found = await engine_of(request).explain(execution_id_in(execution_id))
    items = [explanation_fields(explanation) for explanation in found]
    return json_response({"execution_id": execution_id, "items": items})


def _place(cursor: str | None) -> int:
    """Read a cursor that is a place in a list."""
    with cursor_checked(cursor):
        first = int(cursor or 0)
        if first < 0:
            raise ValueError("a cursor is not negative")
    return first


def _verb_answer(execution_id: str, status: ExecutionStatus, already: bool) -> Response:
    answer: dict[str, Any] = {"execution_id": execution_id, "status": str(status), "already": already}
    return json_response(answer, status=202)


#: Routes that are worth a lane of their own: (path, method, endpoint).
HOT = (("/v1/executions", "POST", create),)
