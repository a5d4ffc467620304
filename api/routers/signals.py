"""What is said from outside to nodes that wait for it: signals, and decisions about approvals."""

import re
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import engine_of
from api.problems import RequestInvalid
from api.responses import body_of, json_response, problems
from api.routers.workflow import replay_headers
from api.schemas.signals import (
    ApprovalPage,
    ApprovalView,
    DecisionAnswer,
    DecisionRequest,
    SignalAnswer,
    SignalRequest,
    approval_fields,
)
from api.validator import cursor_checked, execution_id_in, idempotency_of, parse_envelope
from orchestrator.errors import NodeNotFound, Problem

router = APIRouter(tags=["answers"])
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")
#: A node, or one item of a mapped node.
_UNIT = re.compile(r"[A-Za-z0-9_.-]{1,128}(\[\d{1,6}\])?\Z")


@router.post(
    "/v1/executions/{execution_id}/signals/{name}",
    operation_id="executions_signal",
    summary="Send a signal to the nodes that wait for it; one that nobody waits for is kept",
    status_code=202,
    response_model=SignalAnswer,
    responses=problems(404, 409, 413, 422, 429, 503),
    openapi_extra=body_of(SignalRequest, is_required=False),
)
async def signal(request: Request, execution_id: str, name: str) -> Response:
    body, engine = await request.body(), engine_of(request)
    sent = parse_envelope(SignalRequest, body, max_depth=engine.limits.max_depth, may_be_empty=True)
    if not _NAME.match(name):
        message = f"{name[:140]!r} is not a signal's name: 1 to 128 of A-Z a-z 0-9 _ . -"
        raise RequestInvalid([Problem("path.name", "wrong_value", message)])
    done = await engine.signal(
        execution_id_in(execution_id), name, sent.payload, idempotency=idempotency_of(request, body)
    )
    answer = {
        "execution_id": done.execution_id,
        "status": str(done.status),
        "signal": name,
        "nodes": done.nodes,
        "kept": done.nodes == 0,
    }
    return json_response(answer, status=202, headers=replay_headers(done.replayed))


@router.get(
    "/v1/approvals",
    operation_id="approvals_list",
    summary="Approvals nobody has decided, those that wait longest first",
    response_model=ApprovalPage,
    responses=problems(422, 503),
)
async def list_approvals(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of a page.")] = None,
) -> Response:
    with cursor_checked(cursor):
        page = await engine_of(request).approvals(limit=limit, cursor=cursor)
    items = [approval_fields(approval) for approval in page.items]
    return json_response({"items": items, "next_cursor": page.next_cursor})


@router.get(
    "/v1/approvals/{execution_id}/{node_id}",
    operation_id="approvals_get",
    summary="What an approval shows, and what has been said about it",
    response_model=ApprovalView,
    responses=problems(404, 503),
)
async def get(request: Request, execution_id: str, node_id: str) -> Response:
    found = await engine_of(request).approval(execution_id_in(execution_id), _node_in(execution_id, node_id))
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
    sent = parse_envelope(DecisionRequest, body, max_depth=engine.limits.max_depth)
    done = await engine.decide(
        execution_id_in(execution_id),
        _node_in(execution_id, node_id),
        decision=sent.decision,
        by=sent.by,
        shown=sent.shown,
        form=sent.form,
        idempotency=idempotency_of(request, body),
    )
    answer = {
        "execution_id": done.execution_id,
        "node_id": done.node_id,
        "pending": done.output is None,
        "approvals": done.given,
        "quorum": done.quorum,
        "output": None if done.output is None else orjson.Fragment(done.output),
    }
    return json_response(answer, headers=replay_headers(done.replayed))


def _node_in(execution_id: str, node_id: str) -> str:
    """Accept a path segment as a node id, or an item such as `ask[3]`. Raises NodeNotFound for the rest."""
    if not _UNIT.match(node_id):
        raise NodeNotFound(execution_id, node_id)
    return node_id
