"""`POST /workflow/run` and `GET /status/{job_id}`."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of
from api.dialects.dialect import door_label
from api.dialects.jobs.lowering import lower
from api.dialects.jobs.rendering import NAME, accepted_fields, result_fields, status_fields
from api.dialects.jobs.schemas import JobAccepted, JobFailure, JobRequest, JobStatus, id_problems
from api.problems import RequestInvalid
from api.responses import body_of, failures, json_response, replay_headers
from api.shown_outputs import ShownOutputs, shown_outputs
from api.validator import execution_in, idempotency_of, read_envelope
from orchestrator.engine import TenantEngine
from orchestrator.errors import OutputNotFound, Problem
from orchestrator.operations.origin import Origin
from orchestrator.states import ExecutionStatus

router = APIRouter(tags=[NAME])

RUN_PATH, STATUS_PATH = "/workflow/run", "/status/"
LABELS = door_label(NAME)


@router.post(
    RUN_PATH,
    operation_id="jobs_run",
    summary="Run a job: steps that preprocess, summarise and store",
    status_code=202,
    response_model=JobAccepted,
    responses=failures(JobFailure, 413, 422, 503),
    openapi_extra=body_of(JobRequest),
)
async def run(request: Request) -> Response:
    body = await request.body()
    sent = await read_envelope(request, JobRequest)
    if problems := list(id_problems(sent)):
        raise RequestInvalid(problems)
    job = sent.model_dump()
    reach = reach_of(request)
    definition = await reach.turns.read(body, lambda: lower(job))
    _check_size(definition, reach.engine.limits.max_config_bytes)
    submitted = await engine_of(request).executions.submit(
        definition,
        # Written out, so that the engine recognises a definition it has compiled before.
        body=orjson.dumps(definition),
        inputs=job,
        trigger=True,
        origin=Origin(labels=LABELS),
        idempotency=idempotency_of(request, body),
    )
    headers = replay_headers(submitted.replayed)
    return json_response(accepted_fields(submitted.execution_id), status=202, headers=headers)


def _check_size(definition: dict[str, Any], most_bytes: int) -> None:
    """Refuse a job whose result would name too many steps, before any of them is compiled."""
    found = len(orjson.dumps(definition.get("output", {})))
    if found > most_bytes:
        message = (
            f"the result of {len(definition['nodes']):,} steps takes {found:,} bytes to write down;"
            f" allowed are {most_bytes:,}: send fewer steps, or shorter ids"
        )
        raise RequestInvalid([Problem("steps", "too_many", message)])


@router.get(
    STATUS_PATH + "{job_id}",
    operation_id="jobs_status",
    summary="A job as it stands: status, progress and result",
    response_model=JobStatus,
    responses=failures(JobFailure, 404, 503),
)
async def status(request: Request, job_id: str) -> Response:
    engine = engine_of(request)
    view = await engine.executions.get(await execution_in(request, job_id))
    outputs = await shown_outputs(engine, view)
    return json_response(status_fields(outputs, await _result(engine, outputs)))


async def _result(engine: TenantEngine, outputs: ShownOutputs) -> Any:
    view = outputs.view
    if view.execution.status is not ExecutionStatus.COMPLETED:
        return None
    if view.definition.output_node is None:
        return result_fields(outputs)
    if view.output is not None:
        return orjson.Fragment(view.output)
    try:
        return orjson.Fragment(await engine.outputs.of_execution(view.execution.execution_id))
    except OutputNotFound:  # run again meanwhile
        return None
