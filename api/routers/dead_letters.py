"""Nodes that were given up: look, queue again, or drop."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import engine_of
from api.problems import DeadEntryNotFound
from api.responses import json_response, problems
from api.schemas.operations import DeadPage, DeadRequeued
from api.schemas.views import dead_fields
from api.validator import cursor_checked

router = APIRouter(prefix="/v1/dead", tags=["operations"])


@router.get(
    "",
    operation_id="dead_list",
    summary="Poison and exhausted nodes, newest first",
    response_model=DeadPage,
    responses=problems(422, 503),
)
async def list_dead(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> Response:
    with cursor_checked(cursor):
        page = await engine_of(request).dead(limit=limit, cursor=cursor)
    return json_response(
        {"items": [dead_fields(entry) for entry in page.items], "next_cursor": page.next_cursor}
    )


@router.post(
    "/{entry_id}/requeue",
    operation_id="dead_requeue",
    summary="Run the node again, by retrying its execution in place",
    status_code=202,
    response_model=DeadRequeued,
    responses=problems(404, 409, 503),
)
async def requeue(request: Request, entry_id: str) -> Response:
    execution_id = await engine_of(request).requeue_dead(entry_id)
    if execution_id is None:
        raise DeadEntryNotFound(entry_id)
    return json_response({"entry_id": entry_id, "execution_id": execution_id}, status=202)


@router.delete(
    "/{entry_id}",
    operation_id="dead_drop",
    summary="Forget the entry; the execution stays as it is",
    status_code=204,
    responses=problems(404, 503),
)
async def drop(request: Request, entry_id: str) -> Response:
    if not await engine_of(request).drop_dead(entry_id):
        raise DeadEntryNotFound(entry_id)
    return Response(status_code=204)
