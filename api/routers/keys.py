"""`/v1/keys`: the API keys of a tenant; `/v1/identity`: whose key this is."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.auth import engine_of, identity_of
from api.responses import body_of, json_response, problems, replay_headers
from api.schemas.access import (
    IdentityView,
    KeyIssued,
    KeyList,
    KeyRequest,
    RotateRequest,
    identity_fields,
    issued_fields,
    key_fields,
)
from api.validator import duration_ms_in, idempotency_of, read_envelope
from orchestrator.engine import TenantEngine

router = APIRouter(tags=["keys"])

KeyId = Annotated[str, Path(max_length=64)]


@router.get(
    "/v1/identity",
    operation_id="identity_get",
    summary="The tenant and scopes of this request",
    response_model=IdentityView,
    responses=problems(503),
)
async def identity(request: Request) -> Response:
    return json_response(identity_fields(identity_of(request)))


@router.get(
    "/v1/keys",
    operation_id="keys_list",
    summary="The keys of this tenant, without what is secret in them",
    response_model=KeyList,
    responses=problems(503),
)
async def list_keys(request: Request) -> Response:
    return await listed(engine_of(request))


@router.post(
    "/v1/keys",
    operation_id="keys_create",
    summary="Make a key; the answer is the only place that shows it",
    status_code=201,
    response_model=KeyIssued,
    responses=problems(409, 413, 422, 503),
    openapi_extra=body_of(KeyRequest),
)
async def create(request: Request) -> Response:
    return await issued(request, engine_of(request))


@router.post(
    "/v1/keys/{key_id}/rotate",
    operation_id="keys_rotate",
    summary="Make a key in place of another, which goes on for an overlap",
    status_code=201,
    response_model=KeyIssued,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(RotateRequest, is_required=False),
)
async def rotate(request: Request, key_id: KeyId) -> Response:
    return await rotated(request, engine_of(request), key_id)


@router.delete(
    "/v1/keys/{key_id}",
    operation_id="keys_revoke",
    summary="Take a key away; within a second it opens nothing, and its streams end",
    status_code=204,
    response_class=Response,
    responses=problems(404, 503),
)
async def revoke(request: Request, key_id: KeyId) -> Response:
    await engine_of(request).api_keys.revoke(key_id)
    return Response(status_code=204)


async def listed(engine: TenantEngine) -> Response:
    """List the keys of a tenant."""
    return json_response({"items": [key_fields(key) for key in await engine.api_keys.list()]})


async def rotated(request: Request, engine: TenantEngine, key_id: str) -> Response:
    """Make the key that stands in for another one of a tenant."""
    sent = await read_envelope(request, RotateRequest, may_be_empty=True)
    made = await engine.api_keys.rotate(
        key_id,
        overlap_ms=duration_ms_in(sent.overlap, "overlap"),
        idempotency=idempotency_of(request, await request.body()),
    )
    return json_response(issued_fields(made), status=201, headers=replay_headers(made.replayed))


async def issued(request: Request, engine: TenantEngine) -> Response:
    """Make the key that a request asks for, for a tenant."""
    sent = await read_envelope(request, KeyRequest)
    ends = sent.expires_in
    made = await engine.api_keys.create(
        sent.name,
        sent.scopes,
        lasts_ms=None if ends is None else duration_ms_in(ends, "expires_in", minimum_ms=1_000),
        idempotency=idempotency_of(request, await request.body()),
    )
    return json_response(issued_fields(made), status=201, headers=replay_headers(made.replayed))
