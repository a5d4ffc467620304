"""What operators do to executions: pause and resume the whole, end one node by hand or retry it now."""

import re
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import engine_of
from api.responses import body_of, json_response, problems
from api.routers.workflow import replay_headers
from api.schemas.executions import VerbAnswer
from api.schemas.interventions import (
    BudgetRequest,
    CompleteRequest,
    FailRequest,
    GivenError,
    NodeAnswer,
    NodeRequest,
    PauseRequest,
    ResumeRequest,
)
from api.validator import execution_id_in, idempotency_of, parse_envelope
from orchestrator.definitions.budgets import Caps
from orchestrator.engine import Idempotency, NodeResult, OperatorNote, Paused
from orchestrator.errors import NodeNotFound

router = APIRouter(prefix="/v1/executions", tags=["executions"])
R = TypeVar("R", bound=NodeRequest)
#: A node, or one item of a mapped node.
_UNIT = re.compile(r"[A-Za-z0-9_.-]{1,128}(\[\d{1,6}\])?\Z")


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
    sent = parse_envelope(PauseRequest, await request.body(), may_be_empty=True)
    return _paused(
        await engine_of(request).pause(
            execution_id_in(execution_id), by=sent.by, reason=sent.reason, request_id=_request_id(request)
        )
    )


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
    sent = parse_envelope(ResumeRequest, await request.body(), may_be_empty=True)
    limits = sent.budget or BudgetRequest()
    return _paused(
        await engine_of(request).resume(
            execution_id_in(execution_id),
            by=sent.by,
            reason=sent.reason,
            budget=Caps.of(limits.max_tokens, limits.max_cost_usd),
            request_id=_request_id(request),
        )
    )


@router.post(
    "/{execution_id}/nodes/{node_id}/complete",
    operation_id="executions_node_complete",
    summary="Complete a node by hand, with an output; a running attempt is fenced",
    response_model=NodeAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(CompleteRequest),
)
async def complete(request: Request, execution_id: str, node_id: str) -> Response:
    sent, idempotency = await _read(request, CompleteRequest)
    done = await engine_of(request).complete_node(
        *_unit(execution_id, node_id), sent.output, _said(sent), idempotency
    )
    return _handled(done)


@router.post(
    "/{execution_id}/nodes/{node_id}/fail",
    operation_id="executions_node_fail",
    summary="Fail a node by hand; a running attempt is fenced",
    response_model=NodeAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(FailRequest),
)
async def fail(request: Request, execution_id: str, node_id: str) -> Response:
    sent, idempotency = await _read(request, FailRequest)
    error = sent.error or GivenError()
    done = await engine_of(request).fail_node(
        *_unit(execution_id, node_id),
        _said(sent),
        type=error.type,
        message=error.message,
        idempotency=idempotency,
    )
    return _handled(done)


@router.post(
    "/{execution_id}/nodes/{node_id}/skip",
    operation_id="executions_node_skip",
    summary="Skip a node by hand; a running attempt is fenced",
    response_model=NodeAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(NodeRequest),
)
async def skip(request: Request, execution_id: str, node_id: str) -> Response:
    sent, idempotency = await _read(request, NodeRequest)
    done = await engine_of(request).skip_node(
        *_unit(execution_id, node_id), _said(sent), idempotency=idempotency
    )
    return _handled(done)


@router.post(
    "/{execution_id}/nodes/{node_id}/retry",
    operation_id="executions_node_retry",
    summary="End a node's wait for its next try, a delay, a worker or an operator now",
    response_model=NodeAnswer,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(NodeRequest),
)
async def retry(request: Request, execution_id: str, node_id: str) -> Response:
    sent, idempotency = await _read(request, NodeRequest)
    done = await engine_of(request).retry_node_now(
        *_unit(execution_id, node_id), _said(sent), idempotency=idempotency
    )
    return _handled(done)


async def _read(request: Request, model: type[R]) -> tuple[R, Idempotency | None]:
    body = await request.body()
    sent = parse_envelope(model, body, max_depth=engine_of(request).limits.max_depth)
    return sent, idempotency_of(request, body)


def _said(sent: NodeRequest) -> OperatorNote:
    return OperatorNote(sent.by, sent.reason, sent.attempt)


def _unit(execution_id: str, node_id: str) -> tuple[str, str]:
    """Accept a path as an execution and a node of it, or an item such as `fetch[3]`."""
    if not _UNIT.match(node_id):
        raise NodeNotFound(execution_id, node_id)
    return execution_id_in(execution_id), node_id


def _request_id(request: Request) -> str:
    return str(request.headers.get("idempotency-key") or request.scope["headrace.request_id"])


def _paused(done: Paused) -> Response:
    answer: dict[str, Any] = {
        "execution_id": done.execution_id,
        "status": str(done.status),
        "already": done.already,
    }
    return json_response(answer, status=202)


def _handled(done: NodeResult) -> Response:
    answer: dict[str, Any] = {
        "execution_id": done.execution_id,
        "node_id": done.node_id,
        "status": str(done.status),
        "attempt": done.attempt,
    }
    return json_response(answer, headers=replay_headers(done.replayed))
