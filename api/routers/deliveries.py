"""`/v1/deliveries`: the messages about ends of executions: list them, read one, send one again."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.auth import engine_of
from api.responses import json_response, next_link, problems
from api.schemas.deliveries import DeliveryDetail, DeliveryPage, delivery_detail_fields, delivery_fields
from api.schemas.views import page_fields
from api.validator import repeat_id_of
from orchestrator.execution.deliveries import DeliveryState
from orchestrator.operations.origin import KEY_CHARS

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])

DeliveryId = Annotated[str, Path(max_length=256)]


@router.get(
    "",
    operation_id="deliveries_list",
    summary="Messages about ends of executions, those of the newest ends first",
    response_model=DeliveryPage,
    responses=problems(404, 422, 503),
)
async def list_deliveries(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of a page.")] = None,
    execution_id: Annotated[
        str | None, Query(min_length=1, max_length=KEY_CHARS, description="Only those about its ends.")
    ] = None,
    state: DeliveryState | None = None,
) -> Response:
    page = await engine_of(request).deliveries.list(
        limit=limit, cursor=cursor, execution_id=execution_id, state=state
    )
    return json_response(page_fields(page, delivery_fields), headers=next_link(request, page.next_cursor))


@router.get(
    "/{delivery_id}",
    operation_id="deliveries_get",
    summary="One message with its last attempts",
    response_model=DeliveryDetail,
    responses=problems(404, 503),
)
async def get(request: Request, delivery_id: DeliveryId) -> Response:
    return json_response(delivery_detail_fields(await engine_of(request).deliveries.get(delivery_id)))


@router.post(
    "/{delivery_id}/resend",
    operation_id="deliveries_resend",
    summary="Send it now, whatever became of it, under the same message id",
    status_code=202,
    response_model=DeliveryDetail,
    responses=problems(404, 503),
)
async def resend(request: Request, delivery_id: DeliveryId) -> Response:
    delivery = await engine_of(request).deliveries.resend(delivery_id, request_id=repeat_id_of(request))
    return json_response(delivery_detail_fields(delivery), status=202)
