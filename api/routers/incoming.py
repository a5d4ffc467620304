"""`POST /webhooks/{path}`: what strangers send, known by its signature alone."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.access import reach_of
from api.responses import JSON, json_response, problems
from api.schemas.webhooks import DeliveryTaken
from api.validator import joined_headers
from orchestrator.operations.incoming import Incoming

router = APIRouter(tags=["webhooks"])

_BODY = {
    "requestBody": {
        "required": False,
        "content": {JSON: {"schema": {}}, "*/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/webhooks/{path}",
    operation_id="webhooks_receive",
    summary="Deliver to a webhook, signed as its scheme says; needs no key",
    status_code=202,
    response_model=DeliveryTaken,
    responses=problems(401, 404, 413, 422, 503),
    openapi_extra=_BODY,
)
async def documented(request: Request, path: Annotated[str, Path(max_length=256)]) -> Response:
    return await receive(request)


async def receive(request: Request) -> Response:
    """Hand a delivery to the engine, raw: its signature is of these bytes."""
    reach = reach_of(request)
    delivery = Incoming(
        "webhook",
        request.path_params["path"],
        joined_headers(request),
        await request.body(),
        query=dict(request.query_params),
    )
    done = await reach.engine.incoming.receive(delivery, allows_unsigned=reach.gate.is_development)
    return json_response({"execution_id": done.execution_id}, status=202)


#: Reached without the check of query parameters: a sender may add what it likes.
HOT = (("/webhooks/{path}", "POST", "webhooks_receive", receive),)
