"""Nodes of an execution: read them and their items; complete, fail, skip or retry one by hand."""

from functools import partial
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import engine_of, identity_of
from api.responses import ANY_JSON, JSON, body_of, json_response, problems, replay_headers
from api.schemas.executions import ItemPage, NodeExplanation, NodeView
from api.schemas.history import AttemptList, attempts_fields
from api.schemas.interventions import CompleteRequest, FailRequest, GivenError, NodeAnswer, NodeRequest
from api.schemas.views import (
    config_fields,
    explanation_fields,
    item_fields,
    node_fields,
    override_fields,
    page_fields,
)
from api.validator import execution_in, idempotency_of, read_envelope, unit_in
from orchestrator.engine import Idempotency, OperatorNote
from orchestrator.operations.results import NodeResult
from orchestrator.states import NodeStatus

router = APIRouter(prefix="/v1/executions/{execution_id}/nodes", tags=["executions"])
R = TypeVar("R", bound=NodeRequest)


@router.get(
    "/{node_id}",
    operation_id="executions_node",
    summary="One node, and its output up to 4 KiB",
    response_model=NodeView,
    responses=problems(404, 422, 503),
)
async def get(
    request: Request,
    execution_id: str,
    node_id: str,
    config: Annotated[
        Literal["rendered"] | None,
        Query(description="Show the config too, its templates resolved over what is stored now."),
    ] = None,
) -> Response:
    nodes = engine_of(request).nodes
    execution_id = await execution_in(request, execution_id)
    fields = node_fields(execution_id, await nodes.get(execution_id, node_id))
    if config is not None:
        fields |= config_fields(await nodes.rendered_config(execution_id, node_id))
    return json_response(fields)


@router.get(
    "/{node_id}/output",
    operation_id="executions_node_output",
    summary="The output of a node, or of an item such as `fetch[3]`, whole",
    response_class=Response,
    responses={200: ANY_JSON, **problems(404, 503)},
)
async def output(request: Request, execution_id: str, node_id: str) -> Response:
    found = await engine_of(request).outputs.of_unit(*unit_in(execution_id, node_id))
    return Response(found, media_type=JSON)


@router.get(
    "/{node_id}/items",
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
    status: Annotated[NodeStatus | None, Query(description="Only items with this status.")] = None,
) -> Response:
    execution_id = await execution_in(request, execution_id)
    page = await engine_of(request).nodes.items(
        execution_id, node_id, limit=limit, cursor=cursor, status=status
    )
    return json_response(page_fields(page, partial(item_fields, execution_id, node_id)))


@router.get(
    "/{node_id}/explain",
    operation_id="executions_node_explain",
    summary="What a node, or an item such as `fetch[3]`, waits for, or why it ended as it did",
    response_model=NodeExplanation,
    responses=problems(404, 503),
)
async def explain(request: Request, execution_id: str, node_id: str) -> Response:
    found = await engine_of(request).executions.explain_unit(
        *unit_in(execution_id, node_id), names_workers=identity_of(request).is_operator
    )
    return json_response(explanation_fields(found))


@router.get(
    "/{node_id}/attempts",
    operation_id="executions_attempts",
    summary="The attempts of a node, or of an item such as `fetch[3]`, with what each has logged",
    response_model=AttemptList,
    responses=problems(404, 503),
)
async def attempts(request: Request, execution_id: str, node_id: str) -> Response:
    found = await engine_of(request).nodes.attempts(*unit_in(execution_id, node_id))
    return json_response(attempts_fields(found))


@router.post(
    "/{node_id}/complete",
    operation_id="executions_node_complete",
    summary="Complete a node by hand, with an output; a running attempt is fenced",
    response_model=NodeAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(CompleteRequest),
)
async def complete(request: Request, execution_id: str, node_id: str) -> Response:
    sent, note, idempotency = await _read(request, CompleteRequest)
    done = await engine_of(request).nodes.complete(
        *unit_in(execution_id, node_id), sent.output, note, idempotency=idempotency
    )
    return _overridden(done)


@router.post(
    "/{node_id}/fail",
    operation_id="executions_node_fail",
    summary="Fail a node by hand; a running attempt is fenced",
    response_model=NodeAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(FailRequest),
)
async def fail(request: Request, execution_id: str, node_id: str) -> Response:
    sent, note, idempotency = await _read(request, FailRequest)
    error = sent.error or GivenError()
    done = await engine_of(request).nodes.fail(
        *unit_in(execution_id, node_id),
        note,
        type=error.type,
        message=error.message,
        idempotency=idempotency,
    )
    return _overridden(done)


@router.post(
    "/{node_id}/skip",
    operation_id="executions_node_skip",
    summary="Skip a node by hand; a running attempt is fenced",
    response_model=NodeAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(NodeRequest),
)
async def skip(request: Request, execution_id: str, node_id: str) -> Response:
    _, note, idempotency = await _read(request, NodeRequest)
    done = await engine_of(request).nodes.skip(*unit_in(execution_id, node_id), note, idempotency=idempotency)
    return _overridden(done)


@router.post(
    "/{node_id}/retry",
    operation_id="executions_node_retry",
    summary="End a node's wait for its next try, a delay, a worker or an operator now",
    response_model=NodeAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(NodeRequest),
)
async def retry_now(request: Request, execution_id: str, node_id: str) -> Response:
    _, note, idempotency = await _read(request, NodeRequest)
    done = await engine_of(request).nodes.retry_now(
        *unit_in(execution_id, node_id), note, idempotency=idempotency
    )
    return _overridden(done)


async def _read(request: Request, model: type[R]) -> tuple[R, OperatorNote, Idempotency | None]:
    body = await request.body()
    sent = await read_envelope(request, model)
    return sent, OperatorNote(sent.by, sent.reason, sent.attempt), idempotency_of(request, body)


def _overridden(done: NodeResult) -> Response:
    return json_response(override_fields(done), headers=replay_headers(done.replayed))
