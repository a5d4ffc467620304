"""Which handlers there are, what they take, and who runs them."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Reach, reach_of
from api.auth import identity_of
from api.responses import json_response, problems
from api.schemas.operations import HandlerList
from headrace.registration import HandlerSpec
from workers.cards import HandlerCard
from workers.registry import Catalogue, default_retry, specs

router = APIRouter(prefix="/v1/handlers", tags=["operations"])


@router.get(
    "",
    operation_id="handlers_list",
    summary="Handlers a node may name: their configs as JSON Schema, default retries, and live workers",
    response_model=HandlerList,
    responses=problems(503),
)
async def list_handlers(request: Request) -> Response:
    rows = await handler_rows(reach_of(request), names_workers=identity_of(request).is_operator)
    return json_response({"items": rows})


async def handler_rows(reach: Reach, *, names_workers: bool) -> list[dict[str, Any]]:
    """Show every handler that this process or a live worker knows, by name.

    names_workers  False counts the workers, which are no tenant's.
    """
    workers = reach.engine.workers
    offered: dict[str, list[str]] = {}
    for worker in await workers.list():
        for name in worker.named_handlers:
            offered.setdefault(name, []).append(worker.worker_id)
    announced = await workers.announced()
    known: dict[str, HandlerSpec | HandlerCard] = {spec.name: spec for spec in specs()}
    known |= {card.name: card for card in Catalogue(announced.names, announced.cards).listed()}
    aliases = {alias for each in known.values() for alias in each.aliases}
    # A handler that only workers have is offered all the same, though nothing more is known of it here.
    found = sorted(known.keys() | (offered.keys() - aliases))
    return [
        _fields(name, known.get(name), sorted(offered.get(name, ())), names_workers=names_workers)
        for name in found
    ]


def _fields(
    name: str, known: HandlerSpec | HandlerCard | None, workers: list[str], *, names_workers: bool
) -> dict[str, Any]:
    description = known.description if known else ""
    retry = default_retry(name) if isinstance(known, HandlerSpec) else known.retry if known else None
    return {
        "name": name,
        "aliases": list(known.aliases) if known else [],
        "summary": description.partition("\n")[0],
        "description": description,
        "config_schema": known.config_schema if known else None,
        "retry": retry.to_dict() if retry else None,
        "durable": known is not None and known.is_durable,
        "live_workers": len(workers),
        "workers": workers if names_workers else [],
    }
