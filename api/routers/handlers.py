"""Which handlers there are, what they take, and who runs them."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import identity_of
from api.responses import json_response, problems
from api.schemas.operations import HandlerList
from headrace.registration import HandlerSpec
from workers.registry import default_retry, specs

router = APIRouter(prefix="/v1/handlers", tags=["operations"])


@router.get(
    "",
    operation_id="handlers_list",
    summary="Handlers a node may name: their configs as JSON Schema, default retries, and live workers",
    response_model=HandlerList,
    responses=problems(503),
)
async def list_handlers(request: Request) -> Response:
    offered: dict[str, list[str]] = {}
    for worker in await reach_of(request).engine.workers.list():
        for name in worker.named_handlers:
            offered.setdefault(name, []).append(worker.worker_id)
    known = {spec.name: spec for spec in specs()}
    aliases = {alias for spec in known.values() for alias in spec.aliases}
    # A handler that only workers have is offered all the same, though nothing more is known of it here.
    found = sorted(known.keys() | (offered.keys() - aliases))
    names_workers = identity_of(request).is_operator
    items = [
        _fields(name, known.get(name), sorted(offered.get(name, ())), names_workers=names_workers)
        for name in found
    ]
    return json_response({"items": items})


def _fields(
    name: str, spec: HandlerSpec | None, workers: list[str], *, names_workers: bool
) -> dict[str, Any]:
    policy = default_retry(name) if spec else None
    return {
        "name": name,
        "aliases": list(spec.aliases) if spec else [],
        "summary": spec.summary if spec else "",
        "description": spec.description if spec else "",
        "config_schema": spec.config_schema if spec else None,
        "retry": policy.to_dict() if policy else None,
        "live_workers": len(workers),
        "workers": workers if names_workers else [],
    }
