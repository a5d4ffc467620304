"""`/v1/workflows`: register, change, list, read, start, pause and remove workflows by name or id."""

from collections.abc import Iterable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of
from api.etags import etag, if_match, is_known
from api.registrations import YAML, read_registration
from api.responses import (
    JSON,
    body_of,
    inline_schema,
    json_response,
    next_link,
    problems,
    replay_headers,
    with_warnings,
)
from api.schemas.executions import ExecutionCreated, ExecutionDetail
from api.schemas.registry import (
    ChangeRequest,
    RegisterRequest,
    StartRequest,
    VersionDetail,
    VersionPage,
    WorkflowChanged,
    WorkflowDetail,
    WorkflowPage,
)
from api.schemas.views import page_fields, version_fields, workflow_fields
from api.schemas.workflow import WorkflowDefinition
from api.starts import IN_TIME, expecting, origin_of, preferred_wait_s, started
from api.validator import (
    definition_in,
    idempotency_of,
    labels_in,
    read_envelope,
)
from orchestrator.definitions.registry import Source
from orchestrator.errors import Problem
from orchestrator.operations.results import WorkflowChange

router = APIRouter(prefix="/v1/workflows", tags=["workflows"])

#: A definition comes in an envelope, or is the body itself.
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"anyOf": [inline_schema(RegisterRequest), inline_schema(WorkflowDefinition)]}},
            YAML: {"schema": {"type": "string"}},
        },
    }
}
#: Of a route that reads its path itself.
_IN_PATH = {
    "parameters": [{"name": "workflow", "in": "path", "required": True, "schema": {"type": "string"}}]
}
_SOURCE: dict[str, Any] = {
    "description": "The document, under the media type it was sent with",
    "content": {JSON: {"schema": {}}, YAML: {"schema": {"type": "string"}}},
}


@router.post(
    "",
    operation_id="workflows_create",
    summary="Register a new workflow, named after its title",
    status_code=201,
    response_model=WorkflowChanged,
    responses=problems(400, 404, 413, 422, 503),
    openapi_extra=_BODY,
)
async def create(request: Request) -> Response:
    sent = await read_registration(request)
    async with definition_in(sent.definition, reach_of(request)) as document:
        done = await engine_of(request).workflows.create(
            document,
            sent.source,
            body=sent.body,
            labels=sent.labels,
            is_active=sent.is_active is not False,
            idempotency=idempotency_of(request, await request.body()),
        )
    return await _registered(request, done)


@router.put(
    "/{workflow}",
    operation_id="workflows_put",
    summary="Register a workflow under a name or, with `If-Match`, change the one that has it",
    response_model=WorkflowChanged,
    responses={
        201: {"model": WorkflowChanged, "description": "Registered"},
        **problems(400, 404, 412, 413, 422, 428, 503),
    },
    openapi_extra=_BODY,
)
async def put(
    request: Request,
    workflow: str,
    dry_run: Annotated[bool, Query(description="Say what it would do, and change nothing.")] = False,
) -> Response:
    meant = if_match(request)
    sent = await read_registration(request)
    async with definition_in(sent.definition, reach_of(request)) as document:
        done = await engine_of(request).workflows.put(
            workflow,
            document,
            sent.source,
            body=sent.body,
            labels=sent.labels,
            is_active=sent.is_active,
            if_match=meant,
            is_dry_run=dry_run,
        )
    if dry_run:
        warnings = await engine_of(request).advice.of_workflow(done)
        return json_response(
            with_warnings(workflow_fields(done.record) | {"outcome": done.outcome}, warnings)
        )
    return await _registered(request, done)


@router.get(
    "",
    operation_id="workflows_list",
    summary="Workflows, newest first",
    response_model=WorkflowPage,
    responses=problems(422, 503),
)
async def list_workflows(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of a page.")] = None,
    label: Annotated[list[str], Query(description="`name:value`; several must all be there.")] = [],  # noqa: B006
    text: Annotated[
        str | None,
        Query(min_length=1, max_length=256, description="In title, name or description, whatever the case."),
    ] = None,
) -> Response:
    page = await engine_of(request).workflows.list(
        limit=limit, cursor=cursor, labels=labels_in(label), text=text
    )
    return json_response(page_fields(page, workflow_fields), headers=next_link(request, page.next_cursor))


@router.get(
    "/{workflow}",
    operation_id="workflows_get",
    summary="A workflow with its newest definition",
    response_model=WorkflowDetail,
    responses={
        304: {"description": "As it was when it had the ETag in `If-None-Match`"},
        **problems(404, 503),
    },
)
async def get(request: Request, workflow: str) -> Response:
    workflows = engine_of(request).workflows
    record = await workflows.get(workflow)
    headers = etag(record.tag)
    if is_known(request, record.tag):
        return Response(status_code=304, headers=headers)
    definition = await workflows.definition(record)
    source = await workflows.source(record)
    answer = workflow_fields(record) | {
        "definition": orjson.Fragment(definition),
        "source": _text_of(source),
    }
    return json_response(answer, headers=headers)


@router.patch(
    "/{workflow}",
    operation_id="workflows_change",
    summary="Change labels, or whether new executions start, without the definition",
    response_model=WorkflowChanged,
    responses=problems(404, 412, 413, 422, 503),
    openapi_extra=body_of(ChangeRequest),
)
async def change(request: Request, workflow: str) -> Response:
    meant, sent = if_match(request), await read_envelope(request, ChangeRequest)
    done = await engine_of(request).workflows.change(
        workflow, labels=sent.labels, is_active=sent.is_active, if_match=meant
    )
    return _changed(done)


@router.delete(
    "/{workflow}",
    operation_id="workflows_delete",
    summary="Remove a workflow with its versions; executions of it go on",
    status_code=204,
    responses=problems(404, 412, 422, 503),
)
async def delete(request: Request, workflow: str) -> Response:
    await engine_of(request).workflows.remove(workflow, if_match=if_match(request))
    return Response(status_code=204)


@router.get(
    "/{workflow}/source",
    operation_id="workflows_source",
    summary="The document as it was sent",
    response_class=Response,
    responses={200: _SOURCE, **problems(404, 422, 503)},
)
async def source(
    request: Request,
    workflow: str,
    version: Annotated[
        int | None, Query(ge=1, description="The newest one, unless another is named.")
    ] = None,
) -> Response:
    workflows = engine_of(request).workflows
    record = await workflows.get(workflow)
    found = await workflows.source(record, version)
    headers = {**etag(record.tag), "Content-Type": found.media_type, "X-Content-Type-Options": "nosniff"}
    return Response(found.text, headers=headers)


@router.get(
    "/{workflow}/versions",
    operation_id="workflows_versions",
    summary="The versions of a workflow, newest first",
    response_model=VersionPage,
    responses=problems(404, 422, 503),
)
async def versions(
    request: Request,
    workflow: str,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=16, description="`next_cursor` of a page.")] = None,
) -> Response:
    page = await engine_of(request).workflows.versions(workflow, limit=limit, cursor=cursor)
    return json_response(page_fields(page, version_fields), headers=next_link(request, page.next_cursor))


@router.get(
    "/{workflow}/versions/{version}",
    operation_id="workflows_version",
    summary="One version of a workflow with its definition",
    response_model=VersionDetail,
    responses=problems(404, 422, 503),
)
async def version(request: Request, workflow: str, version: int) -> Response:
    found = await engine_of(request).workflows.version(workflow, version)
    return json_response(
        version_fields(found.version) | {"definition": orjson.Fragment(found.definition)},
        headers=etag(found.version.hash),
    )


@router.post(
    "/{workflow}/pause",
    operation_id="workflows_pause",
    summary="Start no new execution of it until it is resumed; what runs goes on",
    response_model=WorkflowChanged,
    responses=problems(404, 412, 422, 503),
)
async def pause(request: Request, workflow: str) -> Response:
    done = await engine_of(request).workflows.change(workflow, is_active=False, if_match=if_match(request))
    return _changed(done)


@router.post(
    "/{workflow}/resume",
    operation_id="workflows_resume",
    summary="Let new executions of it start again",
    response_model=WorkflowChanged,
    responses=problems(404, 412, 422, 503),
)
async def resume(request: Request, workflow: str) -> Response:
    done = await engine_of(request).workflows.change(workflow, is_active=True, if_match=if_match(request))
    return _changed(done)


@router.post(
    "/{workflow}/executions",
    operation_id="workflows_start",
    summary="Start an execution of a workflow; `Prefer: wait=N` waits so long for its end",
    status_code=202,
    response_model=ExecutionCreated,
    responses={
        200: {"model": ExecutionDetail, "description": IN_TIME},
        **problems(404, 409, 413, 422, 503),
    },
    openapi_extra=body_of(StartRequest, is_required=False) | _IN_PATH,
)
async def start(request: Request) -> Response:
    sent, wait_s = await read_envelope(request, StartRequest, may_be_empty=True), preferred_wait_s(request)
    with expecting(request, wait=wait_s is not None) as expected:
        submitted = await engine_of(request).workflows.start(
            request.path_params["workflow"],
            inputs=sent.inputs,
            origin=origin_of(sent, trigger=sent.trigger, waiter=expected.channel),
            version=sent.version,
            idempotency=idempotency_of(request, await request.body()),
        )
        return await started(request, submitted, wait_s=wait_s, expected=expected)


async def _registered(request: Request, done: WorkflowChange) -> Response:
    return _changed(done, await engine_of(request).advice.of_workflow(done))


def _changed(done: WorkflowChange, warnings: Iterable[Problem] = ()) -> Response:
    """Answer a change with the record it came to."""
    headers = etag(done.record.tag) | replay_headers(done.replayed)
    is_new = done.outcome == "created"
    if is_new:
        headers["Location"] = f"/v1/workflows/{done.record.name}"
    answer = workflow_fields(done.record) | {"outcome": done.outcome}
    answer = with_warnings(answer, warnings)
    return json_response(answer, status=201 if is_new else 200, headers=headers)


def _text_of(source: Source) -> str | None:
    try:
        return source.text.decode()
    except UnicodeDecodeError:
        return None


#: Routes that are worth a lane of their own: (path, method, operation id, endpoint).
HOT = (("/v1/workflows/{workflow}/executions", "POST", "workflows_start", start),)
