"""The documented workflow routes: submit, trigger, status, results.

The hot routes read their bytes themselves and answer with bytes; FastAPI's own body parsing and validation
would cost more than the submission.
"""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of
from api.responses import JSON, body_of, json_response, problems, replay_headers
from api.schemas.views import result_fields
from api.schemas.workflow import (
    TriggerRequest,
    WorkflowAccepted,
    WorkflowDefinition,
    WorkflowResults,
    WorkflowStatus,
    WorkflowTriggered,
)
from api.streaming.results import STREAMED_BYTES, result_stream
from api.validator import (
    definition_in,
    execution_in,
    idempotency_of,
    is_yaml,
    parse_definition,
    read_envelope,
)

router = APIRouter(tags=["workflow"])


@router.post(
    "/workflow",
    operation_id="workflow_submit",
    summary="Submit a workflow",
    response_model=WorkflowAccepted,
    responses=problems(400, 409, 413, 422, 503),
    openapi_extra=body_of(WorkflowDefinition),
)
async def submit(request: Request) -> Response:
    body = await request.body()
    engine = engine_of(request)
    idempotency = idempotency_of(request, body)
    if is_yaml(request):
        async with definition_in(body, reach_of(request)) as document:
            submitted = await engine.executions.submit(document, idempotency=idempotency)
    else:
        submitted = await engine.executions.submit(
            lambda: parse_definition(body, max_depth=engine.limits.max_depth),
            body=body,
            idempotency=idempotency,
        )
    answer = {"execution_id": submitted.execution_id, "message": "Workflow accepted"}
    return Response(orjson.dumps(answer), 200, replay_headers(submitted.replayed), JSON)


@router.post(
    "/workflow/trigger/{execution_id}",
    operation_id="workflow_trigger",
    summary="Start an execution; again is harmless",
    response_model=WorkflowTriggered,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(TriggerRequest, is_required=False),
)
async def trigger(request: Request) -> Response:
    sent = await trigger_inputs(request)
    execution_id = await execution_in(request, request.path_params["execution_id"])
    await engine_of(request).executions.trigger(execution_id, **sent)
    return Response(
        orjson.dumps({"message": "Workflow triggered", "execution_id": execution_id}), media_type=JSON
    )


@router.get(
    "/workflows/{execution_id}",
    operation_id="workflow_status",
    summary="Where an execution stands",
    response_model=WorkflowStatus,
    responses=problems(404, 503),
)
async def status(request: Request) -> Response:
    execution_id = await execution_in(request, request.path_params["execution_id"])
    found = await engine_of(request).executions.status(execution_id)
    return Response(orjson.dumps({"execution_id": execution_id, "status": str(found)}), media_type=JSON)


@router.get(
    "/workflows/{execution_id}/results",
    operation_id="workflow_results",
    summary="Every node's output",
    response_model=WorkflowResults,
    responses=problems(404, 503),
)
async def results(request: Request, execution_id: str) -> Response:
    outputs = engine_of(request).outputs
    execution_id = await execution_in(request, execution_id)
    first = await outputs.page(execution_id, most_bytes=STREAMED_BYTES)
    if first.next_cursor is None:
        return json_response({"execution_id": execution_id, "results": result_fields(first)})
    return result_stream(outputs, execution_id, first)


async def trigger_inputs(request: Request) -> dict[str, Any]:
    """Read the optional body of a trigger as arguments for the engine: only what was sent."""
    body = await request.body()
    if not body:
        return {}
    sent = await read_envelope(request, TriggerRequest, may_be_empty=True)
    found = {"inputs": sent.inputs, "document": sent.trigger}
    return {name: value for name, value in found.items() if value is not None}


#: Routes that are worth a lane of their own: (path, method, operation id, endpoint).
HOT = (
    ("/workflow", "POST", "workflow_submit", submit),
    ("/workflow/trigger/{execution_id}", "POST", "workflow_trigger", trigger),
    ("/workflows/{execution_id}", "GET", "workflow_status", status),
)
