"""How long the queues are."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth import operator_engine_of
from api.responses import json_response, problems
from api.schemas.operations import QueueList
from api.schemas.views import queue_fields

router = APIRouter(prefix="/v1/queues", tags=["operations"])


@router.get(
    "",
    operation_id="queues_list",
    summary="Every queue: tasks on it, tasks claimed, age of the oldest",
    response_model=QueueList,
    responses=problems(503),
)
async def list_queues(request: Request) -> Response:
    found = await operator_engine_of(request).queues.list()
    return json_response({"items": [queue_fields(queue) for queue in found]})
