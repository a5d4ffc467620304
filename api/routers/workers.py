"""Which workers are alive."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth import operator_engine_of
from api.responses import json_response, problems
from api.schemas.operations import WorkerList
from api.schemas.views import worker_fields

router = APIRouter(prefix="/v1/workers", tags=["operations"])


@router.get(
    "",
    operation_id="workers_list",
    summary="Live workers, what they offer and how busy they are",
    response_model=WorkerList,
    responses=problems(503),
)
async def list_workers(request: Request) -> Response:
    found = await operator_engine_of(request).workers.list()
    return json_response({"items": [worker_fields(worker) for worker in found]})
