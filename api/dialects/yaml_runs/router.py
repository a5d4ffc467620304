"""`/api/v1/workflows` and `/api/v1/runs`: workflows written in YAML, and their runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of, identity_of
from api.dialects.dialect import door_label, own_workflow
from api.dialects.yaml_runs.events import HEAD, RunEvents
from api.dialects.yaml_runs.failures import Failures
from api.dialects.yaml_runs.lowering import in_their_words, lower, trigger_path_of
from api.dialects.yaml_runs.pages import page_of_runs
from api.dialects.yaml_runs.rendering import (
    NAME,
    queued_fields,
    run_detail,
    run_row,
    steps_shown,
    triggered_fields,
    workflow_row,
)
from api.dialects.yaml_runs.schemas import (
    DemoStarted,
    RunDetail,
    RunEvent,
    RunQueued,
    RunRequest,
    RunRow,
    RunStatus,
    RunTriggered,
    YamlFailure,
    YamlWorkflow,
    YamlWorkflowDetail,
    YamlWorkflowRow,
)
from api.responses import JSON, body_of, event_stream, failures, json_response, replay_headers
from api.shown_outputs import shown_outputs
from api.starts import ended_in_time
from api.streaming.event_stream import RenderedStream
from api.validator import execution_in, idempotency_of, joined_headers, read_envelope
from api.whole_lists import pages_of
from orchestrator.definitions.registry import Source
from orchestrator.documents.yaml import Locate, load_yaml, located
from orchestrator.errors import DefinitionInvalid
from orchestrator.operations.origin import Origin
from orchestrator.operations.results import Submitted

router = APIRouter(tags=[NAME])

PREFIX, DEMO_PATH = "/api/v1", "/demo"
LABELS = door_label(NAME)
YAML = "application/yaml"
#: The workflow that a demonstration runs, by the name that its title gives it.
DEMO_WORKFLOW = "service-health-pipeline"
#: How long a call waits for the end of its run, unless its client leaves before.
WAITED_FOR_S = 3_600
_EVENTS = event_stream(
    RunEvent, description="The whole history of the run, then live until it has ended.", fields=("retry",)
)
#: Whatever a sender sends.
_ANY_BODY = {"requestBody": {"required": False, "content": {JSON: {"schema": {}}}}}


def _failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return failures(YamlFailure, *statuses)


# Workflows


@router.post(
    f"{PREFIX}/workflows",
    operation_id="yaml_runs_create",
    summary="Register a workflow written in YAML",
    status_code=201,
    response_model=YamlWorkflowRow,
    responses=_failures(400, 404, 409, 413, 422, 503),
    openapi_extra=body_of(YamlWorkflow),
)
async def create(request: Request) -> Response:
    body, engine = await request.body(), engine_of(request)
    text = (await read_envelope(request, YamlWorkflow)).yaml_content
    async with _definition_of(text, request) as definition:
        done = await engine.workflows.create(
            definition,
            Source(text.encode(), YAML),
            body=orjson.dumps(definition),
            labels=LABELS,
            idempotency=idempotency_of(request, body),
        )
    return json_response(workflow_row(done.record), status=201, headers=replay_headers(done.replayed))


@router.get(
    f"{PREFIX}/workflows",
    operation_id="yaml_runs_workflows",
    summary="Workflows that were registered here, newest first",
    response_model=list[YamlWorkflowRow],
    responses=_failures(503),
)
async def list_workflows(request: Request) -> Response:
    rows: list[dict[str, Any]] = []
    async for records in pages_of(engine_of(request).workflows.list, labels=list(LABELS.items())):
        rows += map(workflow_row, records)
    return json_response(rows)


@router.get(
    f"{PREFIX}/workflows/{{workflow_id}}",
    operation_id="yaml_runs_workflow",
    summary="A workflow with its steps and its YAML",
    response_model=YamlWorkflowDetail,
    responses=_failures(404, 503),
)
async def get_workflow(request: Request, workflow_id: str) -> Response:
    workflows, reach = engine_of(request).workflows, reach_of(request)
    record = await workflows.get(workflow_id)
    source = await workflows.source(record)
    definition = await workflows.definition(record)
    try:
        document, _ = await reach.turns.read(
            source.text, lambda: load_yaml(source.text, limits=reach.engine.limits)
        )
    except DefinitionInvalid:  # written under larger limits, or not as YAML
        document = None
    steps = steps_shown(document, definition)
    detail = {"steps": steps, "yaml_content": source.text.decode("utf-8", "replace")}
    return json_response(workflow_row(record) | detail)


@router.delete(
    f"{PREFIX}/workflows/{{workflow_id}}",
    operation_id="yaml_runs_delete",
    summary="Remove a workflow; its runs go on",
    status_code=204,
    responses=_failures(404, 503),
)
async def delete(request: Request, workflow_id: str) -> Response:
    engine = engine_of(request)
    record = await own_workflow(engine, NAME, workflow_id)
    await engine.workflows.remove(record.workflow_id)
    return Response(status_code=204)


# Runs


@router.post(
    f"{PREFIX}/runs/trigger/{{path:path}}",
    operation_id="yaml_runs_trigger",
    summary="Run the workflow of a trigger path, and wait for its end",
    response_model=RunTriggered,
    responses=_failures(404, 413, 422, 503),
    openapi_extra=_ANY_BODY,
)
async def trigger(request: Request, path: str) -> Response:
    engine = engine_of(request)
    done = await engine.webhooks.trigger(
        trigger_path_of(path),
        await request.body(),
        headers=joined_headers(request),
        query=dict(request.query_params),
        labels=LABELS,
    )
    run_id = done.submitted.execution_id
    await ended_in_time(request, run_id, WAITED_FOR_S)
    view = await engine.executions.get(run_id)
    return json_response(triggered_fields(view), headers=replay_headers(done.submitted.replayed))


@router.post(
    f"{PREFIX}/runs/{{workflow_id}}/execute",
    operation_id="yaml_runs_execute",
    summary="Run a workflow, and wait for its end",
    status_code=201,
    response_model=RunRow,
    responses=_failures(404, 409, 413, 422, 503),
    openapi_extra=body_of(RunRequest, is_required=False),
)
async def execute(request: Request, workflow_id: str) -> Response:
    _, submitted = await _started(request, workflow_id)
    await ended_in_time(request, submitted.execution_id, WAITED_FOR_S)
    view = await engine_of(request).executions.get(submitted.execution_id)
    return json_response(run_row(view), status=201, headers=replay_headers(submitted.replayed))


@router.post(
    f"{PREFIX}/runs/{{workflow_id}}/execute-async",
    operation_id="yaml_runs_execute_async",
    summary="Run a workflow, and answer at once",
    status_code=202,
    response_model=RunQueued,
    responses=_failures(404, 409, 413, 422, 503),
    openapi_extra=body_of(RunRequest, is_required=False),
)
async def execute_async(request: Request, workflow_id: str) -> Response:
    wf_id, submitted = await _started(request, workflow_id)
    answer = queued_fields(submitted.execution_id, wf_id)
    return json_response(answer, status=202, headers=replay_headers(submitted.replayed))


@router.get(
    f"{PREFIX}/runs",
    operation_id="yaml_runs_list",
    summary="Runs that were started here, newest first",
    response_model=list[RunRow],
    responses=_failures(422, 503),
)
async def list_runs(
    request: Request,
    workflow_id: Annotated[str | None, Query(min_length=1, max_length=256)] = None,
    status: RunStatus | None = None,
    page: Annotated[int, Query(ge=1, le=1_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    found = await page_of_runs(
        engine_of(request).executions,
        list(LABELS.items()),
        workflow_id=workflow_id,
        status=status,
        skip=(page - 1) * page_size,
        count=page_size,
    )
    return json_response([run_row(view) for view in found])


@router.get(
    f"{PREFIX}/runs/{{run_id}}",
    operation_id="yaml_runs_get",
    summary="A run with the results of its steps",
    response_model=RunDetail,
    responses=_failures(404, 503),
)
async def get_run(request: Request, run_id: str) -> Response:
    engine = engine_of(request)
    view = await engine.executions.get(await execution_in(request, run_id))
    return json_response(run_detail(await shown_outputs(engine, view)))


@router.get(
    f"{PREFIX}/runs/{{run_id}}/stream",
    operation_id="yaml_runs_stream",
    summary="The events of a run from its start, then live, as SSE",
    response_class=Response,
    responses={**_EVENTS, **_failures(404, 503)},
)
async def stream(request: Request, run_id: str) -> Response:
    # All checks come before the first byte: inside a stream an error could no longer have a status.
    engine = engine_of(request)
    view = await engine.executions.get(await execution_in(request, run_id))
    found, failures = view.execution.execution_id, Failures(engine)
    return RenderedStream(
        reach_of(request).hub,
        found,
        after=0,
        renderer=RunEvents(found, view.definition, failures.found),
        look_up=failures.look_up,
        media_type="text/event-stream",
        head=HEAD,
        credential=identity_of(request).credential,
    )


@router.post(
    DEMO_PATH,
    operation_id="yaml_runs_demo",
    summary="Run the service health pipeline, and answer at once",
    status_code=202,
    response_model=DemoStarted,
    responses=_failures(404, 409, 413, 422, 503),
)
async def demo(request: Request) -> Response:
    workflow_id, submitted = await _started(request, DEMO_WORKFLOW, may_have_body=False)
    run_id = submitted.execution_id
    answer = queued_fields(run_id, workflow_id) | {"stream_url": f"{PREFIX}/runs/{run_id}/stream"}
    return json_response(answer, status=202, headers=replay_headers(submitted.replayed))


# What the calls share


@asynccontextmanager
async def _definition_of(text: str, request: Request) -> AsyncIterator[dict[str, Any]]:
    """Give the definition of a document; what is found wrong with it gets its line."""
    limits, chooses_path = engine_of(request).limits, engine_of(request).webhooks.chooses_paths

    def read() -> tuple[dict[str, Any], Locate]:
        document, locate = load_yaml(text, limits=limits)
        try:
            return lower(document, limits=limits, chooses_path=chooses_path), locate
        except DefinitionInvalid as error:
            raise DefinitionInvalid(located(error.problems, locate)) from error

    definition, locate = await reach_of(request).turns.read(text, read)
    try:
        yield definition
    except DefinitionInvalid as error:
        raise DefinitionInvalid(located(map(in_their_words, error.problems), locate)) from error


async def _started(request: Request, workflow: str, *, may_have_body: bool = True) -> tuple[str, Submitted]:
    """Start a run of a workflow; gives the workflow's id, too."""
    body, engine = await request.body(), engine_of(request)
    sent = await read_envelope(request, RunRequest, may_be_empty=True) if may_have_body else RunRequest()
    record = await engine.workflows.get(workflow)
    submitted = await engine.workflows.start(
        record.workflow_id,
        origin=Origin(labels=LABELS, trigger={"source": "manual", "payload": sent.data}),
        idempotency=idempotency_of(request, body),
    )
    return record.workflow_id, submitted
