"""Liveness and readiness. Liveness reads nothing: an outage of Redis must not restart the process."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import require_operator
from api.responses import JSON, json_response, problems
from api.schemas.operations import Health, ReadinessAnswer
from api.schemas.views import check_fields, readiness_fields
from orchestrator.execution.inventory import Check

router = APIRouter(tags=["health"])

_OK = orjson.dumps({"status": "ok"})


@router.get("/health", operation_id="health_get", response_model=Health, summary="Liveness, as documented")
async def health() -> Response:
    return Response(_OK, media_type=JSON)


@router.get("/livez", operation_id="livez_get", response_model=Health, summary="Is the process alive?")
async def livez() -> Response:
    return Response(_OK, media_type=JSON)


@router.get(
    "/readyz",
    operation_id="readyz_get",
    response_model=ReadinessAnswer,
    responses={
        503: {"model": ReadinessAnswer, "description": "Not ready; `checks` says why."},
        **problems(401, 403),
    },
    summary="Can this process take work?",
)
async def readyz(
    request: Request,
    verbose: Annotated[str | None, Query(description="Present: name every check and the durability.")] = None,
) -> Response:
    if verbose is not None:
        await require_operator(request)
    if reach_of(request).hub.is_stopping:
        # Fails first on SIGTERM, so that a balancer turns away before the listener closes.
        draining = check_fields(Check("draining", "error", "the process is shutting down"))
        return json_response({"status": "unavailable", "checks": {"draining": draining}}, status=503)
    readiness = await reach_of(request).engine.health.check()
    answer = readiness_fields(readiness, is_verbose=verbose is not None)
    return json_response(answer, status=200 if readiness.ok else 503)
