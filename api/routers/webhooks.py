"""`/v1/webhooks`: make, list, read, change, rotate, test and delete the webhooks of a tenant."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of
from api.etags import etag, if_match
from api.responses import body_of, json_response, location, next_link, problems, replay_headers, with_warnings
from api.schemas.views import page_fields
from api.schemas.webhooks import (
    SampleRequest,
    SampleTaken,
    SecretRequest,
    WebhookChanged,
    WebhookPage,
    WebhookPatch,
    WebhookRequest,
    WebhookShown,
    change_fields,
    sample_fields,
    webhook_fields,
)
from api.validator import duration_ms_in, idempotency_of, read_envelope
from orchestrator.errors import Problem
from orchestrator.operations.webhook_results import WebhookChange

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

HookPath = Annotated[str, Path(max_length=256, description="The path of the webhook.")]
#: Fields that say what a webhook is, as `read_webhook` knows them.
_SPEC = {"path", "scheme", "header", "inputs"}


@router.post(
    "",
    operation_id="webhooks_create",
    summary="Make a webhook of a workflow; a secret that is made is shown in this answer alone",
    status_code=201,
    response_model=WebhookChanged,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(WebhookRequest),
)
async def create(request: Request) -> Response:
    sent = await read_envelope(request, WebhookRequest)
    done = await engine_of(request).webhooks.create(
        sent.workflow,
        sent.model_dump(include=_SPEC, exclude_none=True),
        secrets=sent.secrets,
        is_active=sent.is_active,
        allows_unsigned=reach_of(request).gate.is_development,
        idempotency=idempotency_of(request, await request.body()),
    )
    headers = {"Location": f"/v1/webhooks/{done.view.record.path}"}
    warnings = await engine_of(request).advice.of_webhook(done.view)
    return _changed(done, status=201, headers=headers, warnings=warnings)


@router.get(
    "",
    operation_id="webhooks_list",
    summary="Webhooks, newest first",
    response_model=WebhookPage,
    responses=problems(404, 422, 503),
)
async def list_webhooks(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of a page.")] = None,
    workflow: Annotated[
        str | None, Query(min_length=1, max_length=256, description="Those of one workflow, by name or id.")
    ] = None,
) -> Response:
    page = await engine_of(request).webhooks.list(limit=limit, cursor=cursor, workflow=workflow)
    return json_response(page_fields(page, webhook_fields), headers=next_link(request, page.next_cursor))


@router.get(
    "/{path}",
    operation_id="webhooks_get",
    summary="A webhook without its secrets",
    response_model=WebhookShown,
    responses=problems(404, 422, 503),
)
async def get(request: Request, path: HookPath) -> Response:
    view = await engine_of(request).webhooks.get(path)
    # It names what was set; deliveries are counted without a change of it.
    return json_response(webhook_fields(view), headers=etag(view.record.tag))


@router.patch(
    "/{path}",
    operation_id="webhooks_change",
    summary="Change a webhook, with `If-Match`",
    response_model=WebhookChanged,
    responses=problems(404, 412, 413, 422, 428, 503),
    openapi_extra=body_of(WebhookPatch),
)
async def change(request: Request, path: HookPath) -> Response:
    sent = await read_envelope(request, WebhookPatch)
    done = await engine_of(request).webhooks.change(
        path,
        sent.model_dump(include=_SPEC, exclude_none=True),
        is_active=sent.is_active,
        if_match=if_match(request),
        allows_unsigned=reach_of(request).gate.is_development,
    )
    return _changed(done, warnings=await engine_of(request).advice.of_webhook(done.view))


@router.delete(
    "/{path}",
    operation_id="webhooks_delete",
    summary="Delete a webhook: its path is unknown from now on",
    status_code=204,
    response_class=Response,
    responses=problems(404, 412, 422, 503),
)
async def delete(request: Request, path: HookPath) -> Response:
    await engine_of(request).webhooks.remove(path, if_match=if_match(request))
    return Response(status_code=204)


@router.post(
    "/{path}/rotate",
    operation_id="webhooks_rotate",
    summary="Give it a new secret; those before it are good for a while more",
    response_model=WebhookChanged,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(SecretRequest, is_required=False),
)
async def rotate(request: Request, path: HookPath) -> Response:
    sent = await read_envelope(request, SecretRequest, may_be_empty=True)
    done = await engine_of(request).webhooks.rotate(
        path,
        secret=sent.secret,
        keep_ms=duration_ms_in(sent.keep, "keep"),
        idempotency=idempotency_of(request, await request.body()),
    )
    return _changed(done)


@router.post(
    "/{path}/test",
    operation_id="webhooks_test",
    summary="Deliver a signed sample to it; the answer shows how it is sent",
    status_code=202,
    response_model=SampleTaken,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(SampleRequest, is_required=False),
)
async def test(request: Request, path: HookPath) -> Response:
    sent = await read_envelope(request, SampleRequest, may_be_empty=True)
    sample = await engine_of(request).webhooks.test(
        path, sent.payload, allows_unsigned=reach_of(request).gate.is_development
    )
    return json_response(sample_fields(sample), status=202, headers=location(sample.submitted.execution_id))


def _changed(
    done: WebhookChange,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    warnings: Iterable[Problem] = (),
) -> Response:
    """Answer a change with the webhook it came to."""
    shown = etag(done.view.record.tag) | replay_headers(done.replayed) | (headers or {})
    if done.secret is not None:
        shown["Cache-Control"] = "no-store"
    return json_response(with_warnings(change_fields(done), warnings), status=status, headers=shown)
