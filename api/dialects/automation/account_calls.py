"""Tenants, metrics and health under `/api`."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of, operator_engine_of
from api.dialects.automation.calls import counted, refused, router
from api.dialects.automation.rendering import metric_fields, tenant_fields
from api.dialects.automation.rules import NAME
from api.dialects.automation.schemas import (
    HealthView,
    Metrics,
    RegisterRequest,
    TenantCreated,
    TenantView,
)
from api.responses import body_of, json_response
from api.validator import read_envelope
from orchestrator.errors import HeadraceError
from orchestrator.execution.access import Scope

#: What keys begin with, before 32 hex digits.
KEY_PREFIX = "wae_live"


@router.post(
    "/tenants/register",
    operation_id="automation_tenants_register",
    summary="Register a tenant; the answer shows its key, once",
    status_code=201,
    response_model=TenantCreated,
    responses=refused(400, 409, 413, 422, 429, 503),
    openapi_extra=body_of(RegisterRequest),
    dependencies=counted("register", by="address"),
)
async def register(request: Request) -> Response:
    sent = await read_envelope(request, RegisterRequest)
    engine = operator_engine_of(request)
    tenant, _ = await engine.tenants.register(sent.name)
    keys = engine.of(tenant.name).api_keys
    issued = await keys.create(NAME, [Scope.ADMIN], prefix=KEY_PREFIX, form="hex")
    return json_response({"id": tenant.name, "name": tenant.title, "api_key": issued.text}, status=201)


@router.get(
    "/tenants/me",
    operation_id="automation_tenants_me",
    summary="The tenant of this key",
    response_model=TenantView,
    responses=refused(429, 503),
    dependencies=counted("reads"),
)
async def me(request: Request) -> Response:
    tenant = await reach_of(request).engine.tenants.get(engine_of(request).tenant)
    return json_response(tenant_fields(tenant))


@router.get(
    "/metrics/executions",
    operation_id="automation_metrics",
    summary="Executions of the last 30 days in numbers",
    response_model=Metrics,
    responses=refused(429, 503),
    dependencies=counted("reads"),
)
async def metrics(request: Request) -> Response:
    report = await engine_of(request).statistics.between()
    return json_response(metric_fields(report.statistics, report.records, report.under_way))


@router.get(
    "/health",
    operation_id="automation_health",
    summary="Whether all that is needed is there; needs no key",
    response_model=HealthView,
    responses=refused(503),
)
async def health(request: Request) -> Response:
    engine = reach_of(request).engine
    readiness = await engine.health.check()
    fields: dict[str, Any] = {"status": "error", "pg": False, "redis": readiness.ok, "workers": 0}
    if readiness.ok:
        try:
            fields["workers"] = len(await engine.workers.list())
        except HeadraceError:
            return json_response(fields | {"redis": False})
        # Records have the same store as queues: where that answers, so does what is asked for as `pg`.
        fields |= {"status": "ok" if fields["workers"] else "degraded", "pg": True}
    return json_response(fields)
