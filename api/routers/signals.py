"""Signals to the nodes that wait for them."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth import engine_of
from api.responses import body_of, json_response, problems, replay_headers
from api.schemas.signals import SignalAnswer, SignalRequest, signal_fields
from api.validator import execution_id_in, idempotency_of, read_envelope, signal_name_in

router = APIRouter(tags=["answers"])


@router.post(
    "/v1/executions/{execution_id}/signals/{name}",
    operation_id="executions_signal",
    summary="Send a signal to the nodes that wait for it; one that no node waits for is kept",
    status_code=202,
    response_model=SignalAnswer,
    responses=problems(404, 409, 413, 422, 429, 503),
    openapi_extra=body_of(SignalRequest, is_required=False),
)
async def send(request: Request, execution_id: str, name: str) -> Response:
    body, engine = await request.body(), engine_of(request)
    sent = await read_envelope(request, SignalRequest, may_be_empty=True)
    done = await engine.signals.send(
        execution_id_in(execution_id),
        signal_name_in(name),
        sent.payload,
        idempotency=idempotency_of(request, body),
    )
    return json_response(signal_fields(done, name), status=202, headers=replay_headers(done.replayed))
