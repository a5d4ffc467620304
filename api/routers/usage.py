"""What calls to paid services have used."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import engine_of
from api.responses import json_response, problems
from api.schemas.operations import UsageAnswer
from api.schemas.views import usage_by_day_fields

router = APIRouter(prefix="/v1/usage", tags=["operations"])


@router.get(
    "",
    operation_id="usage_get",
    summary="Calls to language models, their tokens and their cost, by day",
    response_model=UsageAnswer,
    responses=problems(422, 503),
)
async def get_usage(
    request: Request,
    days: Annotated[int, Query(ge=1, le=400, description="How many days back, today included.")] = 30,
) -> Response:
    found = await engine_of(request).usage.by_day(days=days)
    return json_response(usage_by_day_fields(found))
