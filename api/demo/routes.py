"""`/demo/…`: what the demo's workflow calls, its start, and a way to kill a worker. In development only."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.auth import engine_of, identity_of, operator_engine_of
from api.demo import runs
from api.demo.service import DemoService, Unavailable
from api.demo.workers import kill_one
from api.owners import RouteOwner
from api.responses import json_response
from api.validator import joined_headers, read_envelope
from orchestrator.documents.bodies import read_body

router = APIRouter(include_in_schema=False)

#: Workers call the service without a key; it holds no data of a tenant.
OWNERS: Mapping[str, RouteOwner] = {
    "demo_weather": RouteOwner.PUBLIC,
    "demo_flaky": RouteOwner.PUBLIC,
    "demo_fix": RouteOwner.PUBLIC,
    "demo_inbox": RouteOwner.PUBLIC,
    "demo_receive": RouteOwner.PUBLIC,
    "demo_start": RouteOwner.RUN,
    "demo_kill": RouteOwner.OPERATOR,
}

SERVICE = DemoService()


class StartRequest(BaseModel):
    """Start the demo's workflow."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fail: bool = Field(default=False, description="The weather of one city fails until it is mended.")
    go_on: bool = Field(default=False, description="Give an execution that has not ended, if there is one.")


@router.get("/demo/weather", operation_id="demo_weather")
async def weather(city: str, run: str = "", fail: bool = False) -> Response:
    await asyncio.sleep(SERVICE.pause_s())
    try:
        return json_response(SERVICE.weather(city, run, fails=fail))
    except Unavailable as error:
        return _unavailable(error)


@router.get("/demo/flaky", operation_id="demo_flaky")
async def flaky(run: str = "") -> Response:
    try:
        return json_response(SERVICE.fares(run))
    except Unavailable as error:
        return _unavailable(error)


@router.post("/demo/fix", operation_id="demo_fix")
async def fix() -> Response:
    return json_response({"mended": SERVICE.fix()})


@router.get("/demo/inbox", operation_id="demo_inbox")
async def inbox() -> Response:
    return json_response({"items": SERVICE.inbox()})


@router.post("/demo/inbox", operation_id="demo_receive")
async def receive(request: Request) -> Response:
    body = read_body(await request.body(), request.headers.get("content-type", ""))
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    SERVICE.receive(joined_headers(request), body, now)
    return Response(status_code=204)


@router.post("/demo/start", operation_id="demo_start")
async def start(request: Request) -> Response:
    sent, engine = await read_envelope(request, StartRequest, may_be_empty=True), engine_of(request)
    await runs.register(engine)
    existing = await runs.unfinished(engine) if sent.go_on else []
    execution_id = existing[0] if existing else await runs.start(engine, {"fail": sent.fail})
    answer = {"execution_id": execution_id, "existing": bool(existing)}
    return json_response(answer, status=200 if existing else 202)


@router.post("/demo/workers/kill", operation_id="demo_kill")
async def kill(request: Request) -> Response:
    engine, tenant = operator_engine_of(request), identity_of(request).tenant
    # The operator's own key has no tenant, and so no executions to look at: any worker will do.
    busy = set() if tenant is None else await runs.busy_workers(engine.of(tenant))
    try:
        return json_response({"worker": kill_one(await engine.workers.list(), busy)})
    except LookupError as error:
        raise HTTPException(409, str(error)) from None


def _unavailable(error: Unavailable) -> Response:
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    answer: dict[str, Any] = {"error": error.message}
    return json_response(answer, status=error.status, headers=headers)
