"""The OpenAPI document as it is served: how keys are sent, which headers count, and each schema once.

Routes that read their own bodies, and failures, bring whole schemas along. What several of them bring
becomes a component that each refers to: the document is much smaller, and what is generated from it has one
class for one thing.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.owners import SECURITY_SCHEMES

Document = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

#: Headers that routes read themselves, with what each is for.
HEADERS: dict[str, tuple[str, str]] = {
    "IdempotencyKey": (
        "Idempotency-Key",
        "Names the request for a day: the same again gets the same answer, another body is refused.",
    ),
    "Prefer": ("Prefer", "`wait=N` answers once the execution has ended, or after N seconds (60 at most)."),
    "IfMatch": ("If-Match", "The `ETag` of the state that is meant, `*` for any; another state is refused."),
    "IfNoneMatch": ("If-None-Match", "The `ETag` of the state that is known; the same again is 304."),
}
#: Which native routes read which, by operation id.
READ_BY: dict[str, tuple[str, ...]] = {
    "IdempotencyKey": (
        "workflow_submit", "executions_create", "executions_replay", "executions_fork", "executions_signal",
        "executions_post",
        "executions_decide", "executions_node_complete", "executions_node_fail", "executions_node_skip",
        "executions_node_retry", "workflows_create", "workflows_start", "webhooks_create",
        "webhooks_rotate", "schedules_create", "schedules_trigger", "keys_create", "keys_rotate",
        "tenants_create", "tenants_keys_create", "tenants_keys_rotate",
    ),
    "Prefer": ("executions_create", "executions_trigger", "executions_replay", "workflows_start"),
    "IfMatch": (
        "workflows_put", "workflows_change", "workflows_delete", "workflows_pause", "workflows_resume",
        "webhooks_change", "webhooks_delete", "schedules_put", "schedules_delete",
    ),
    "IfNoneMatch": ("workflows_get", "schedules_get"),
}  # fmt: skip

_REFERENCE = "#/components/schemas/"
#: Members that hold values, in which nothing is a schema.
_VALUES = frozenset({"example", "examples", "default", "const", "enum"})
_is_name = re.compile(r"[A-Za-z0-9._-]+").fullmatch


def install(app: FastAPI, once: Collection[str] = ()) -> None:
    """Have the app give its document so.

    once  operation ids of further routes that read an `Idempotency-Key`.
    """
    read_by = {**READ_BY, "IdempotencyKey": (*READ_BY["IdempotencyKey"], *once)}
    app.openapi = _kept(app.openapi, read_by)  # type: ignore[method-assign]
    for place, route in enumerate(app.router.routes):
        if isinstance(route, Route) and route.path == app.openapi_url:
            app.router.routes[place] = Route(
                route.path, _made_aside(app, route.endpoint), include_in_schema=False
            )


def _made_aside(app: FastAPI, answer: Endpoint) -> Endpoint:
    """Have the document made in a thread: it takes a second or two, in which other requests are answered."""

    async def endpoint(request: Request) -> Response:
        await asyncio.to_thread(app.openapi)
        return await answer(request)

    return endpoint


def _kept(build: Callable[[], Document], read_by: Mapping[str, Collection[str]]) -> Callable[[], Document]:
    made: list[Document] = []

    def openapi() -> Document:
        if not made:
            document = share_schemas(build())
            document["components"]["securitySchemes"] = SECURITY_SCHEMES
            _name_headers(document, read_by)
            made.append(document)
        return made[0]

    return openapi


def share_schemas(document: Document) -> Document:
    """Give the document with each schema of an object that stands in several places as one component."""
    return _Sharing(document).document()


def _name_headers(document: Document, read_by: Mapping[str, Collection[str]]) -> None:
    """Add to each operation the headers that its route reads itself."""
    for operations in document["paths"].values():
        for operation in operations.values():
            found = [HEADERS[key] for key, names in read_by.items() if operation["operationId"] in names]
            if found:
                operation["parameters"] = [*operation.get("parameters", ()), *map(_header, found)]


def _header(named: tuple[str, str]) -> Document:
    name, text = named
    return {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}


class _Sharing:
    """Two walks over one document: the first counts schemas, the second puts references in their place."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._components: dict[str, Any] = dict(document.get("components", {}).get("schemas", {}))
        self._counts: Counter[bytes] = Counter()
        self._count(document["paths"])

    def document(self) -> Document:
        self._components = {name: self._inside(found) for name, found in self._components.items()}
        paths = self._replaced(self._document["paths"])
        components = {
            **self._document.get("components", {}),
            "schemas": dict(sorted(self._components.items())),
        }
        return {**self._document, "paths": paths, "components": components}

    def _count(self, value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                self._count(each)
        elif isinstance(value, dict):
            if _is_shareable(value):
                self._counts[_text(value)] += 1
            for each in _below(value).values():
                self._count(each)

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._replaced(each) for each in value]
        if not isinstance(value, dict):
            return value
        found = self._inside(value)
        name = value.get("title")
        if not isinstance(name, str) or not ("enum" in value or _is_shareable(value)):
            return found
        is_many = "enum" not in value and self._counts[_text(value)] > 1
        # Another thing of the same title stays where it is.
        if self._components.get(name) == found or (is_many and name not in self._components):
            self._components[name] = found
            return {"$ref": _REFERENCE + name}
        return found

    def _inside(self, value: Document) -> Document:
        return {**value, **{key: self._replaced(each) for key, each in _below(value).items()}}


def _below(value: Document) -> Document:
    """The members in which schemas may stand; `default` is also the status of all other responses."""
    is_response = isinstance(value.get("default"), dict) and "content" in value["default"]
    skipped = _VALUES - {"default"} if is_response else _VALUES
    return {key: each for key, each in value.items() if key not in skipped}


def _is_shareable(value: Document) -> bool:
    title = value.get("title")
    is_object = value.get("type") == "object" and isinstance(value.get("properties"), dict)
    return is_object and isinstance(title, str) and _is_name(title) is not None


def _text(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
