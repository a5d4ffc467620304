"""How executions ended: by workflow, by handler, and what deliveries came to."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import engine_of
from api.problems import RequestInvalid
from api.responses import json_response, problems
from api.schemas.statistics import StatisticsAnswer, statistics_fields
from orchestrator.errors import Problem
from orchestrator.operations.statistics import DEFAULT_DAYS, MOST_DAYS

router = APIRouter(prefix="/v1/statistics", tags=["operations"])

#: Days count from here.
EPOCH = date(1970, 1, 1)


@router.get(
    "",
    operation_id="statistics_get",
    summary="Executions by how they ended, nodes by handler, deliveries",
    response_model=StatisticsAnswer,
    responses=problems(422, 503),
)
async def get_statistics(
    request: Request,
    first: Annotated[
        date | None,
        Query(alias="from", description=f"The first day, UTC; {DEFAULT_DAYS} days in all without it."),
    ] = None,
    last: Annotated[
        date | None,
        Query(alias="to", description=f"The last day, UTC; today without it. At most {MOST_DAYS} days."),
    ] = None,
) -> Response:
    try:
        found = await engine_of(request).statistics.between(_day(first), _day(last))
    except ValueError as error:
        raise RequestInvalid([Problem("query.from", "wrong_value", f"'from' and 'to': {error}")]) from None
    return json_response(statistics_fields(found))


def _day(day: date | None) -> int | None:
    return None if day is None else (day - EPOCH).days
