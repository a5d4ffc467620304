"""`/v1/executions/{id}`: run again what has run, in place (retry), anew (replay), or in part (fork)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import engine_of
from api.responses import body_of, json_response, problems
from api.routers.workflow import replay_headers
from api.schemas.reruns import ForkAnswer, ForkRequest, ReplayAnswer, ReplayRequest, RetryAnswer, RetryRequest
from api.validator import definition_in, execution_id_in, idempotency_of, parse_envelope
from orchestrator.documents.limits import Limits
from orchestrator.engine import Rerun

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
    sent = parse_envelope(RetryRequest, await request.body(), may_be_empty=True)
    done: Rerun = await engine_of(request).retry(
        execution_id_in(execution_id), preview=sent.preview, generation=sent.generation
    )
    answer = {
        "execution_id": done.execution_id,
        "status": str(done.status),
        "generation": done.generation,
        "nodes": done.nodes,
        "preview": sent.preview,
        "already": done.already,
    }
    return json_response(answer, status=200 if sent.preview else 202)


@router.post(
    "/{execution_id}/replay",
    operation_id="executions_replay",
    summary="Start a new execution of the same definition, with the same inputs or others",
    status_code=202,
    response_model=ReplayAnswer,
    responses=problems(400, 404, 409, 413, 422, 503),
    openapi_extra=body_of(ReplayRequest, is_required=False),
)
async def replay(request: Request, execution_id: str) -> Response:
    body, engine = await request.body(), engine_of(request)
    sent = parse_envelope(ReplayRequest, body, max_depth=engine.limits.max_depth, may_be_empty=True)
    made = await engine.replay(
        execution_id_in(execution_id),
        sent.inputs,
        merge=sent.merge,
        idempotency=idempotency_of(request, body),
    )
    headers = _location(made.execution_id) | (replay_headers(made.replayed) or {})
    answer = {"execution_id": made.execution_id, "status": str(made.status), "replay_of": execution_id}
    return json_response(answer, status=202, headers=headers)


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
    sent = parse_envelope(ForkRequest, body, max_depth=engine.limits.max_depth, may_be_empty=True)
    with _definition_if_any(sent.definition, engine.limits) as document:
        made = await engine.fork(
            execution_id_in(execution_id),
            from_node=sent.from_node,
            definition=document,
            inputs=sent.inputs,
            merge=sent.merge,
            preview=sent.preview,
            idempotency=idempotency_of(request, body),
        )
    headers = replay_headers(made.replayed) or {}
    if made.execution_id is not None:
        headers |= _location(made.execution_id)
    answer = {
        "execution_id": made.execution_id,
        "status": made.status and str(made.status),
        "forked_from": made.forked_from,
        "nodes": made.nodes,
        "reused": made.reused,
        "skipped": made.skipped,
        "preview": sent.preview,
    }
    return json_response(answer, status=200 if sent.preview else 202, headers=headers)


@contextmanager
def _definition_if_any(sent: Any, limits: Limits) -> Iterator[dict[str, Any] | None]:
    if sent is None:
        yield None
    else:
        with definition_in(sent, limits) as document:
            yield document


def _location(execution_id: str) -> dict[str, str]:
    return {"Location": f"/v1/executions/{execution_id}"}
