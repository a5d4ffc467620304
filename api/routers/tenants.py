"""`/v1/tenants`: the operator registers tenants, disables them, and looks after their keys."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from api.auth import identity_of, operator_engine_of
from api.problems import RequestInvalid
from api.rate_limits import limited
from api.responses import body_of, json_response, problems, replay_headers
from api.routers.keys import KeyId, issued, listed, rotated
from api.schemas.access import (
    KeyIssued,
    KeyList,
    KeyRequest,
    RotateRequest,
    TenantChange,
    TenantCreated,
    TenantPage,
    TenantRequest,
    TenantView,
    issued_fields,
    tenant_fields,
)
from api.schemas.views import page_fields
from api.validator import idempotency_of, read_envelope
from orchestrator.engine import TenantEngine
from orchestrator.errors import Problem
from orchestrator.execution.access import Scope

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])

Name = Annotated[str, Path(max_length=64)]
#: What the key that comes with a new tenant is called.
FIRST_KEY = "first key"
_of_strangers = limited("register", lambda reach: reach.registrations_a_minute, by="address")


async def counted(request: Request) -> None:
    """Count a registration by the address it comes from, unless it is the operator's."""
    if not identity_of(request).is_operator:
        await _of_strangers(request)


@router.post(
    "",
    operation_id="tenants_create",
    summary="Register a tenant; the answer shows its first key, which opens everything of it",
    status_code=201,
    response_model=TenantCreated,
    responses=problems(409, 413, 422, 429, 503),
    openapi_extra=body_of(TenantRequest),
    dependencies=[Depends(counted)],
)
async def create(request: Request) -> Response:
    sent = await read_envelope(request, TenantRequest)
    engine = operator_engine_of(request)
    # To a stranger a key is shown once: whoever guesses his request would be given it again.
    is_operator = identity_of(request).is_operator
    idempotency = idempotency_of(request, await request.body()) if is_operator else None
    try:
        tenant, is_replay = await engine.tenants.create(sent.name, sent.title, idempotency=idempotency)
    except ValueError as error:
        raise RequestInvalid([Problem("name", "wrong_value", f"'name': {error}")]) from error
    first = await engine.of(tenant.name).api_keys.create(FIRST_KEY, [Scope.ADMIN], idempotency=idempotency)
    answer = tenant_fields(tenant) | {"api_key": issued_fields(first)}
    headers = {"Location": f"/v1/tenants/{tenant.name}"} | replay_headers(is_replay)
    return json_response(answer, status=201, headers=headers)


@router.get(
    "",
    operation_id="tenants_list",
    summary="The tenants beside `default`, oldest first",
    response_model=TenantPage,
    responses=problems(422, 503),
)
async def list_tenants(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=16, description="`next_cursor` of a page.")] = None,
) -> Response:
    page = await operator_engine_of(request).tenants.list(limit=limit, cursor=cursor)
    return json_response(page_fields(page, tenant_fields))


@router.get(
    "/{tenant}",
    operation_id="tenants_get",
    summary="One tenant",
    response_model=TenantView,
    responses=problems(404, 503),
)
async def get(request: Request, tenant: Name) -> Response:
    return json_response(tenant_fields(await operator_engine_of(request).tenants.get(tenant)))


@router.patch(
    "/{tenant}",
    operation_id="tenants_change",
    summary="Change a title, or say whether the tenant's keys open anything",
    response_model=TenantView,
    responses=problems(404, 413, 422, 503),
    openapi_extra=body_of(TenantChange),
)
async def change(request: Request, tenant: Name) -> Response:
    sent = await read_envelope(request, TenantChange)
    found = await operator_engine_of(request).tenants.change(
        tenant, title=sent.title, is_active=sent.is_active
    )
    return json_response(tenant_fields(found))


@router.get(
    "/{tenant}/keys",
    operation_id="tenants_keys_list",
    summary="The keys of a tenant",
    response_model=KeyList,
    responses=problems(404, 503),
)
async def list_keys(request: Request, tenant: Name) -> Response:
    return await listed(await _existing(request, tenant))


@router.post(
    "/{tenant}/keys",
    operation_id="tenants_keys_create",
    summary="Make a key for a tenant",
    status_code=201,
    response_model=KeyIssued,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(KeyRequest),
)
async def create_key(request: Request, tenant: Name) -> Response:
    return await issued(request, await _existing(request, tenant))


@router.post(
    "/{tenant}/keys/{key_id}/rotate",
    operation_id="tenants_keys_rotate",
    summary="Make a key of a tenant in place of another, which goes on for an overlap",
    status_code=201,
    response_model=KeyIssued,
    responses=problems(404, 409, 413, 422, 503),
    openapi_extra=body_of(RotateRequest, is_required=False),
)
async def rotate_key(request: Request, tenant: Name, key_id: KeyId) -> Response:
    return await rotated(request, await _existing(request, tenant), key_id)


@router.delete(
    "/{tenant}/keys/{key_id}",
    operation_id="tenants_keys_revoke",
    summary="Take a key of a tenant away",
    status_code=204,
    response_class=Response,
    responses=problems(404, 503),
)
async def revoke_key(request: Request, tenant: Name, key_id: KeyId) -> Response:
    await (await _existing(request, tenant)).api_keys.revoke(key_id)
    return Response(status_code=204)


async def _existing(request: Request, tenant: str) -> TenantEngine:
    """Give the engine as a tenant sees it that exists. Raises TenantNotFound."""
    engine = operator_engine_of(request)
    return engine.of((await engine.tenants.get(tenant)).name)
