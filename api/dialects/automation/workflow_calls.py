"""Workflows under `/api/workflows`: make, list, read, change, delete and execute them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from api.access import Reach, reach_of
from api.auth import engine_of
from api.dialects.automation.calls import LABEL, counted, refused, router
from api.dialects.automation.lowering import AutomationDocument, Terms, lower
from api.dialects.automation.rendering import foreign_document, is_signed, own_document, workflow_fields
from api.dialects.automation.rules import NAME, rules_in
from api.dialects.automation.schemas import (
    Deleted,
    ExecuteRequest,
    Started,
    TriggerType,
    WorkflowChangeRequest,
    WorkflowList,
    WorkflowRequest,
    WorkflowView,
)
from api.dialects.dialect import own_workflow
from api.responses import JSON, body_of, json_response, replay_headers
from api.validator import idempotency_of, read_envelope
from orchestrator.definitions.registry import Source, WorkflowRecord
from orchestrator.definitions.webhooks import HookTerms
from orchestrator.engine import TenantEngine
from orchestrator.errors import DefinitionInvalid, Problem, ProblemsFound, TooBusy, WorkflowChanged
from orchestrator.operations.origin import Origin

#: Of a webhook path, after `wh_`.
PATH_DIGITS = 24
TRIGGER_LABEL = "trigger_type"
#: How often a change is made again that others have overtaken.
ROUNDS = 5
#: A secret is forgotten with its webhook, which must not come back without one unless that is meant.
_SECRET_FORGOTTEN = Problem(
    "webhook_secret",
    "VALIDATION_ERROR",
    "deliveries to this workflow were signed, and its secret went with its webhook: send 'webhook_secret', "
    'or "" for none',
)


@router.post(
    "/workflows",
    operation_id="automation_workflows_create",
    summary="Make a workflow",
    status_code=201,
    response_model=WorkflowView,
    responses=refused(400, 409, 413, 422, 429, 503),
    openapi_extra=body_of(WorkflowRequest),
    dependencies=counted("workflows"),
)
async def create(request: Request) -> Response:
    sent = await read_envelope(request, WorkflowRequest)
    engine, secret = engine_of(request), sent.webhook_secret or None
    document = AutomationDocument(
        name=sent.name,
        description=sent.description,
        trigger_type=sent.trigger_type,
        trigger_config=sent.trigger_config,
        steps=sent.steps,
        is_signed=secret is not None,
    )
    definition, source = await _lowered(document, reach_of(request))
    done = await engine.workflows.create(
        definition,
        source,
        labels=_labels(sent.trigger_type),
        is_active=sent.is_active,
        hooks=_hooks(secret),
        idempotency=idempotency_of(request, await request.body()),
    )
    fields = await _shown(engine, done.record)
    return json_response(fields, status=201, headers=replay_headers(done.replayed))


@router.get(
    "/workflows",
    operation_id="automation_workflows_list",
    summary="Workflows of this door, newest first",
    response_model=WorkflowList,
    responses=refused(422, 429, 503),
    dependencies=counted("reads"),
)
async def list_workflows(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[str | None, Query(max_length=64, description="`cursor` of a page.")] = None,
    trigger_type: TriggerType | None = None,
    is_active: bool | None = None,
) -> Response:
    engine = engine_of(request)
    labels = [*LABEL.items(), *([(TRIGGER_LABEL, trigger_type)] if trigger_type else [])]
    page = await engine.workflows.list(limit=limit, cursor=cursor, labels=labels, is_active=is_active)
    shown = await asyncio.gather(*(_shown(engine, record) for record in page.items))
    return json_response({"workflows": shown, "cursor": page.next_cursor})


@router.get(
    "/workflows/{workflow_id}",
    operation_id="automation_workflows_get",
    summary="One workflow",
    response_model=WorkflowView,
    responses=refused(404, 429, 503),
    dependencies=counted("reads"),
)
async def get(request: Request, workflow_id: str) -> Response:
    engine = engine_of(request)
    return json_response(await _shown(engine, await engine.workflows.get(workflow_id)))


@router.put(
    "/workflows/{workflow_id}",
    operation_id="automation_workflows_change",
    summary="Change a workflow; what is left out stays",
    response_model=WorkflowView,
    responses=refused(400, 404, 409, 413, 422, 429, 503),
    openapi_extra=body_of(WorkflowChangeRequest),
    dependencies=counted("workflows"),
)
async def change(request: Request, workflow_id: str) -> Response:
    sent = await read_envelope(request, WorkflowChangeRequest)
    engine, reach = engine_of(request), reach_of(request)
    for _ in range(ROUNDS):
        record = await own_workflow(engine, NAME, workflow_id)
        try:
            await _change(engine, record, sent, reach)
        except WorkflowChanged:
            continue
        return json_response(await _shown(engine, await engine.workflows.get(record.workflow_id)))
    raise TooBusy(f"workflow {workflow_id!r} is being changed by others; try again")


@router.delete(
    "/workflows/{workflow_id}",
    operation_id="automation_workflows_delete",
    summary="Delete a workflow with its triggers; its executions go on",
    response_model=Deleted,
    responses=refused(404, 429, 503),
    dependencies=counted("workflows"),
)
async def delete(request: Request, workflow_id: str) -> Response:
    engine = engine_of(request)
    record = await own_workflow(engine, NAME, workflow_id)
    await engine.workflows.remove(record.workflow_id)
    return json_response({"deleted": True})


@router.post(
    "/workflows/{workflow_id}/execute",
    operation_id="automation_workflows_execute",
    summary="Start an execution by hand",
    status_code=202,
    response_model=Started,
    responses=refused(404, 409, 413, 422, 429, 503),
    openapi_extra=body_of(ExecuteRequest, is_required=False),
    dependencies=counted("executions"),
)
async def execute(request: Request, workflow_id: str) -> Response:
    sent = await read_envelope(request, ExecuteRequest, may_be_empty=True)
    submitted = await engine_of(request).workflows.start(
        workflow_id,
        origin=Origin(labels=LABEL, trigger={"source": "manual", "payload": sent.trigger_data}),
        idempotency=idempotency_of(request, await request.body()),
    )
    answer = {"execution_id": submitted.execution_id}
    return json_response(answer, status=202, headers=replay_headers(submitted.replayed))


async def _change(
    engine: TenantEngine, record: WorkflowRecord, sent: WorkflowChangeRequest, reach: Reach
) -> None:
    """Change a workflow from the state that was read. Raises WorkflowChanged where it has another by now."""
    document = own_document((await engine.workflows.source(record)).text)
    wanted = {
        name: value
        for name in ("name", "description", "trigger_type", "trigger_config", "steps")
        if (value := getattr(sent, name)) is not None
    }
    if document is None:
        if wanted or sent.webhook_secret is not None:
            message = "this workflow was not made here; only 'is_active' can be changed"
            raise ProblemsFound([Problem("path.workflow_id", "wrong_value", message)])
        await engine.workflows.change(record.workflow_id, is_active=sent.is_active, if_match=[record.tag])
        return
    signed = bool(sent.webhook_secret)
    if sent.webhook_secret is None:
        signed = document.get("is_signed", False) or is_signed(await engine.workflows.definition(record))
    changed = AutomationDocument(**{**_fields_of(document), **wanted, "is_signed": signed})
    is_new_hook = changed.trigger_type == "webhook" and document["trigger_type"] != "webhook"
    if is_new_hook and signed and sent.webhook_secret is None:
        raise DefinitionInvalid([_SECRET_FORGOTTEN])
    definition, source = await _lowered(changed, reach)
    await engine.workflows.put(
        record.workflow_id,
        definition,
        source,
        labels={**record.labels, **_labels(changed.trigger_type)},
        is_active=sent.is_active,
        hooks=_hooks(sent.webhook_secret or None),
        if_match=[record.tag],
    )


async def _shown(engine: TenantEngine, record: WorkflowRecord) -> dict[str, Any]:
    document = own_document((await engine.workflows.source(record)).text)
    if document is None:
        document = foreign_document(await engine.workflows.definition(record))
    return workflow_fields(record, document)


def _fields_of(document: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "description", "trigger_type", "trigger_config", "steps")
    return {name: document[name] for name in names if name in document}


async def _lowered(document: AutomationDocument, reach: Reach) -> tuple[dict[str, Any], Source]:
    """Make definition and source of a workflow; a large one waits its turn. Raises as `lower`; TooBusy."""
    source, terms = document.to_json(), _terms(reach)
    definition = await reach.turns.read(source, lambda: lower(document, terms))
    return definition, Source(source, JSON)


def _terms(reach: Reach) -> Terms:
    rules = rules_in(reach)
    return Terms(
        max_steps=rules.max_steps,
        execution_timeout_s=rules.execution_timeout_s,
        http_timeout_s=rules.http_timeout_s,
        cron_timezone=rules.cron_timezone,
        limits=reach.engine.limits,
    )


def _labels(trigger_type: str) -> dict[str, str]:
    return {**LABEL, TRIGGER_LABEL: trigger_type}


def _hooks(secret: str | None) -> HookTerms:
    return HookTerms(door=NAME, secret=secret, digits=PATH_DIGITS)
