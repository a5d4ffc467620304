"""Dead nodes, which failed for good: list, requeue or drop them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import engine_of
from api.responses import json_response, problems
from api.schemas.operations import DeadPage, DeadRequeued
from api.schemas.views import dead_fields, page_fields

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
    page = await engine_of(request).dead_letters.list(limit=limit, cursor=cursor)
    return json_response(page_fields(page, dead_fields))


@router.post(
    "/{entry_id}/requeue",
    operation_id="dead_requeue",
    summary="Run the node again, by retrying its execution in place",
    status_code=202,
    response_model=DeadRequeued,
    responses=problems(404, 409, 503),
)
async def requeue(request: Request, entry_id: str) -> Response:
    execution_id = await engine_of(request).dead_letters.requeue(entry_id)
    return json_response({"entry_id": entry_id, "execution_id": execution_id}, status=202)


@router.delete(
    "/{entry_id}",
    operation_id="dead_drop",
    summary="Forget the entry; the execution stays as it is",
    status_code=204,
    responses=problems(404, 503),
)
async def drop(request: Request, entry_id: str) -> Response:
    await engine_of(request).dead_letters.drop(entry_id)
    return Response(status_code=204)
