"""Letters to nodes, and what their durable handlers have written down."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import engine_of
from api.responses import body_of, json_response, problems, replay_headers
from api.schemas.inboxes import (
    InboxView,
    JournalView,
    PostAnswer,
    PostRequest,
    inbox_fields,
    journal_fields,
    post_fields,
)
from api.validator import idempotency_of, read_envelope, unit_in

router = APIRouter(prefix="/v1/executions/{execution_id}/nodes/{node_id}", tags=["answers"])


@router.post(
    "/inbox",
    operation_id="executions_post",
    summary="Post a letter to a node, or to an item such as `fetch[3]`, whatever it is doing",
    status_code=202,
    response_model=PostAnswer,
    responses=problems(404, 409, 413, 422, 429, 503),
    openapi_extra=body_of(PostRequest, is_required=False),
)
async def post(request: Request, execution_id: str, node_id: str) -> Response:
    body, engine = await request.body(), engine_of(request)
    sent = await read_envelope(request, PostRequest, may_be_empty=True)
    done = await engine.inboxes.post(
        *unit_in(execution_id, node_id), sent.payload, idempotency=idempotency_of(request, body)
    )
    return json_response(post_fields(done), status=202, headers=replay_headers(done.replayed))


@router.get(
    "/inbox",
    operation_id="executions_inbox",
    summary="The letters to a node that its handler has not taken yet",
    response_model=InboxView,
    responses=problems(404, 503),
)
async def letters(request: Request, execution_id: str, node_id: str) -> Response:
    found = await engine_of(request).inboxes.letters(*unit_in(execution_id, node_id))
    return json_response(inbox_fields(found))


@router.get(
    "/journal",
    operation_id="executions_journal",
    summary="What the durable handler of a node has written down: snapshot and entries",
    response_model=JournalView,
    responses=problems(404, 422, 503),
)
async def journal(
    request: Request,
    execution_id: str,
    node_id: str,
    after: Annotated[int, Query(ge=0, le=2**52, description="Only entries of a higher number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    found = await engine_of(request).inboxes.journal(
        *unit_in(execution_id, node_id), after=after, limit=limit
    )
    return json_response(journal_fields(found))
