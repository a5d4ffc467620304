"""`/ui/context`: the environment, the version and the identity, which the page reads first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import reach_of
from api.responses import json_response, problems
from api.schemas.access import ContextView, visitor_fields

router = APIRouter(tags=["keys"])


@router.get(
    "/ui/context",
    operation_id="context_get",
    response_model=ContextView,
    responses=problems(503),
    summary="What a page reads first: environment, version, and the identity of the key or session, if valid",
)
async def context(request: Request) -> Response:
    reach = reach_of(request)
    identity = await reach.gate.identity(request.scope, reach.engine.authentication)
    answer = {
        "environment": "development" if reach.gate.is_development else "production",
        "version": request.app.version,
        "needs_key": reach.gate.is_required,
        "demo": reach.is_demo,
        "identity": None if identity is None else visitor_fields(identity),
        "root_path": reach.root_path,
    }
    return json_response(answer, headers={"Cache-Control": "no-store"})
