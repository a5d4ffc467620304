"""Approvals that nodes have asked for: list, read and decide them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import engine_of
from api.responses import body_of, json_response, problems, replay_headers
from api.schemas.signals import (
    ApprovalPage,
    ApprovalView,
    DecisionAnswer,
    DecisionRequest,
    approval_fields,
    decision_fields,
)
from api.schemas.views import page_fields
from api.validator import idempotency_of, read_envelope, unit_in

router = APIRouter(tags=["answers"])


@router.get(
    "/v1/approvals",
    operation_id="approvals_list",
    summary="Pending approvals, those that wait longest first",
    response_model=ApprovalPage,
    responses=problems(422, 503),
)
async def list_approvals(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of a page.")] = None,
) -> Response:
    page = await engine_of(request).approvals.list(limit=limit, cursor=cursor)
    return json_response(page_fields(page, approval_fields))


@router.get(
    "/v1/approvals/{execution_id}/{node_id}",
    operation_id="approvals_get",
    summary="What an approval shows, and the votes and decision so far",
    response_model=ApprovalView,
    responses=problems(404, 503),
)
async def get(request: Request, execution_id: str, node_id: str) -> Response:
    found = await engine_of(request).approvals.get(*unit_in(execution_id, node_id))
    return json_response(approval_fields(found))


@router.post(
    "/v1/executions/{execution_id}/approvals/{node_id}",
    operation_id="executions_decide",
    summary="Approve or deny what an approval shows; the first decision counts",
    response_model=DecisionAnswer,
    responses=problems(403, 404, 409, 413, 422, 503),
    openapi_extra=body_of(DecisionRequest),
)
async def decide(request: Request, execution_id: str, node_id: str) -> Response:
    body, engine = await request.body(), engine_of(request)
    sent = await read_envelope(request, DecisionRequest)
    done = await engine.approvals.decide(
        *unit_in(execution_id, node_id),
        decision=sent.decision,
        by=sent.by,
        shown=sent.shown,
        form=sent.form,
        idempotency=idempotency_of(request, body),
    )
    return json_response(decision_fields(done), headers=replay_headers(done.replayed))
