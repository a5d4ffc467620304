"""The numbers of the deployment, for Prometheus and what reads its format."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth import operator_engine_of
from api.metrics import CONTENT_TYPE, rendered
from api.responses import problems

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    operation_id="metrics_get",
    summary="Numbers of the deployment, as Prometheus reads them",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The text format."},
        **problems(503),
    },
)
async def metrics(request: Request) -> Response:
    found = await operator_engine_of(request).metrics.look()
    return Response(rendered(found, request.app.version), headers={"Content-Type": CONTENT_TYPE})
