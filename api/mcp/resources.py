"""What an agent reads to write a definition, and definitions that there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from api.mcp.tool import Call
from api.responses import JSON, inline_schema, json_text
from api.routers.handlers import handler_rows
from api.schemas.workflow import WorkflowDefinition
from api.validator import execution_id_in
from orchestrator.errors import PayloadTooLarge

#: Of one resource; a larger definition is read over HTTP.
MOST_BYTES = 256 * 1024
_GUIDE = Path(__file__).with_name("guide.md")


class UnknownResource(LookupError):
    """No resource has this address."""


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A resource, or those of one kind: `uri` then ends in a name in braces, which `read` is given."""

    uri: str
    name: str
    description: str
    media_type: str
    read: Callable[[Call, str], Awaitable[bytes]]


async def _guide(call: Call, name: str) -> bytes:
    return _guide_text()


async def _schema(call: Call, name: str) -> bytes:
    return json_text(inline_schema(WorkflowDefinition))


async def _handlers(call: Call, name: str) -> bytes:
    rows: list[dict[str, Any]] = await handler_rows(call.reach, names_workers=call.identity.is_operator)
    return json_text({"items": rows})


async def _workflow(call: Call, name: str) -> bytes:
    workflows = call.engine.workflows
    return await workflows.definition(await workflows.get(name))


async def _run(call: Call, name: str) -> bytes:
    return await call.engine.executions.definition(execution_id_in(name))


FIXED = (
    ResourceKind(
        "headrace://guide",
        "guide",
        "How a workflow definition is written: nodes, dependencies, templates, conditions, maps, errors.",
        "text/markdown",
        _guide,
    ),
    ResourceKind(
        "headrace://schema",
        "schema",
        "JSON Schema of a workflow definition.",
        "application/schema+json",
        _schema,
    ),
    ResourceKind(
        "headrace://handlers",
        "handlers",
        "Every handler with its description and the JSON Schema of its config.",
        JSON,
        _handlers,
    ),
)
NAMED = (
    ResourceKind(
        "headrace://workflows/{name}",
        "workflow",
        "The newest definition of a registered workflow.",
        JSON,
        _workflow,
    ),
    ResourceKind(
        "headrace://runs/{execution_id}/definition",
        "run",
        "The definition that a run was made of.",
        JSON,
        _run,
    ),
)


async def read(call: Call, uri: str) -> tuple[str, str]:
    """Give media type and text of a resource.

    Raises UnknownResource, PayloadTooLarge, and what the engine raises.
    """
    for kind in FIXED:
        if uri == kind.uri:
            return kind.media_type, (await kind.read(call, "")).decode()
    for kind in NAMED:
        before, _, rest = kind.uri.partition("{")
        after = rest.partition("}")[2]
        name = uri.removeprefix(before).removesuffix(after)
        if uri == before + name + after and name and "/" not in name:
            text = await kind.read(call, unquote(name))
            if len(text) > MOST_BYTES:
                raise PayloadTooLarge(uri, len(text), MOST_BYTES)
            return kind.media_type, text.decode()
    known = ", ".join(kind.uri for kind in (*FIXED, *NAMED))
    raise UnknownResource(f"no resource has the address {uri[:200]!r}; there are: {known}")


@cache
def _guide_text() -> bytes:
    return _GUIDE.read_bytes()
