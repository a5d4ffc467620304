"""`/v1/executions/{id}`: retry an execution in place, replay it, or fork it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of
from api.responses import body_of, json_response, location, problems, replay_headers, with_warnings
from api.schemas.executions import ExecutionDetail
from api.schemas.reruns import (
    ForkAnswer,
    ForkRequest,
    ReplayAnswer,
    ReplayRequest,
    RetryAnswer,
    RetryRequest,
    fork_fields,
    replay_fields,
    retry_fields,
)
from api.starts import IN_TIME, preferred_wait_s, started
from api.validator import execution_id_in, execution_in, idempotency_of, optional_definition_in, read_envelope

router = APIRouter(prefix="/v1/executions", tags=["executions"])


@router.post(
    "/{execution_id}/retry",
    operation_id="executions_retry",
    summary="Go on in place: run again what failed; with `preview`, say what that is",
    status_code=202,
    response_model=RetryAnswer,
    responses={
        200: {"model": RetryAnswer, "description": "A preview"},
        **problems(404, 409, 413, 422, 503),
    },
    openapi_extra=body_of(RetryRequest, is_required=False),
)
async def retry(request: Request, execution_id: str) -> Response:
    sent = await read_envelope(request, RetryRequest, may_be_empty=True)
    done = await engine_of(request).executions.retry(
        execution_id_in(execution_id), nodes=sent.nodes, preview=sent.preview, generation=sent.generation
    )
    answer = retry_fields(done, is_preview=sent.preview)
    return json_response(answer, status=200 if sent.preview else 202)


@router.post(
    "/{execution_id}/replay",
    operation_id="executions_replay",
    summary="Start a new execution of the same definition, with the same inputs or others",
    status_code=202,
    response_model=ReplayAnswer,
    responses={
        200: {"model": ExecutionDetail, "description": IN_TIME},
        **problems(400, 404, 409, 413, 422, 503),
    },
    openapi_extra=body_of(ReplayRequest, is_required=False),
)
async def replay(request: Request, execution_id: str) -> Response:
    body, engine = await request.body(), engine_of(request)
    sent, wait_s = await read_envelope(request, ReplayRequest, may_be_empty=True), preferred_wait_s(request)
    execution_id = await execution_in(request, execution_id)
    replay = await engine.executions.replay(
        execution_id,
        sent.inputs,
        trigger=sent.trigger,
        merge=sent.merge,
        idempotency=idempotency_of(request, body),
    )
    return await started(request, replay, wait_s=wait_s, answer=replay_fields(replay, execution_id))


@router.post(
    "/{execution_id}/fork",
    operation_id="executions_fork",
    summary="Start a new execution that keeps what a change does not reach; with `preview`, say what that is",
    status_code=202,
    response_model=ForkAnswer,
    responses={
        200: {"model": ForkAnswer, "description": "A preview"},
        **problems(400, 404, 409, 413, 422, 503),
    },
    openapi_extra=body_of(ForkRequest, is_required=False),
)
async def fork(request: Request, execution_id: str) -> Response:
    body, engine = await request.body(), engine_of(request)
    sent = await read_envelope(request, ForkRequest, may_be_empty=True)
    async with optional_definition_in(sent.definition, reach_of(request)) as document:
        fork = await engine.executions.fork(
            execution_id_in(execution_id),
            from_node=sent.from_node,
            definition=document,
            inputs=sent.inputs,
            merge=sent.merge,
            preview=sent.preview,
            idempotency=idempotency_of(request, body),
        )
    headers = replay_headers(fork.replayed) | (location(fork.execution_id) if fork.execution_id else {})
    answer = with_warnings(fork_fields(fork, is_preview=sent.preview), fork.warnings)
    return json_response(answer, status=200 if sent.preview else 202, headers=headers)
