"""The routes of workflow servers: at the root but for `/health` and the page, and complete below `/llama`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from api.dialects.workflow_server import calls, page
from api.dialects.workflow_server.handlers import NAME
from api.dialects.workflow_server.schemas import (
    CancelAnswer,
    Detail,
    EventEnvelope,
    EventsAnswer,
    HandlerData,
    HandlerEvent,
    HandlerResult,
    HandlersAnswer,
    HandlerStart,
    Health,
    RepresentationAnswer,
    SchemaAnswer,
    SentAnswer,
    WorkflowNamesAnswer,
)
from api.hot_lane import Endpoint, HotRoute
from api.owners import RouteOwner
from api.responses import body_of, event_stream, failures

#: Where all of it is served.
PREFIX = "/llama"

Documented = Mapping[int | str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    answers   what it gives by status; failures: statuses of other failures.
    is_hot    it has the hot lane: one parameter, in its path, and no others.
    """

    name: str
    method: str
    path: str
    endpoint: Callable[..., Any]
    owner: RouteOwner
    summary: str
    answers: Documented
    failures: tuple[int, ...] = ()
    body: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    is_hot: bool = False


def _json(model: type[BaseModel], description: str) -> dict[str, Any]:
    return {"model": model, "description": description}


def _text(media_type: str, description: str) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}


def _looked_at(model: type[BaseModel]) -> Documented:
    """What a look at a handler gives: its status says how it stands."""
    return {
        200: _json(model, "It completed"),
        202: _json(model, "It runs"),
        500: _json(model, "It failed, or was cancelled"),
    }


_STREAMED = event_stream(
    EventEnvelope,
    description="The events from the asked one on, then live until the run has ended",
    has_lines=True,
    over="The run has ended, and there is no further event",
)
_READ, _RUN, _PUBLIC = RouteOwner.READ, RouteOwner.RUN, RouteOwner.PUBLIC

HEALTH = Call(
    "health", "GET", "/health", calls.health, _PUBLIC, "Whether the server is healthy",
    {200: _json(Health, "It is")},
)  # fmt: skip
PAGE = (
    Call("page", "GET", "/", page.page, _PUBLIC, "A page to start runs and watch them",
         {200: _text("text/html", "The page")}),
    Call("script", "GET", "/page.js", page.script, _PUBLIC, "The script of that page",
         {200: _text("text/javascript", "The script")}),
    Call("script_calls", "GET", "/page-calls.js", page.script_of_calls, _PUBLIC,
         "The part of that script that calls the server", {200: _text("text/javascript", "The part")}),
    Call("script_graph", "GET", "/page-graph.js", page.script_of_graph, _PUBLIC,
         "The part of that script that draws graphs", {200: _text("text/javascript", "The part")}),
    Call("style", "GET", "/page.css", page.style, _PUBLIC, "The style of that page",
         {200: _text("text/css", "The style")}),
)  # fmt: skip
CALLS = (
    Call("list", "GET", "/workflows", calls.list_workflows, _READ, "Names of workflows with an `interface`",
         {200: _json(WorkflowNamesAnswer, "Their names")}, (503,)),
    Call("run", "POST", "/workflows/{name}/run", calls.run, _RUN, "Start a run and wait for its end",
         _looked_at(HandlerData), (400, 404, 409, 413, 503), body_of(HandlerStart), is_hot=True),
    Call("run_nowait", "POST", "/workflows/{name}/run-nowait", calls.run_nowait, _RUN, "Start a run",
         {200: _json(HandlerData, "It was started")}, (400, 404, 409, 413, 503),
         body_of(HandlerStart), is_hot=True),
    Call("schema", "GET", "/workflows/{name}/schema", calls.schema, _READ,
         "Schemas of what starts a run and of what ends it", {200: _json(SchemaAnswer, "Both")}, (404, 503)),
    Call("events_schema", "GET", "/workflows/{name}/events", calls.events_schema, _READ,
         "Schemas of all events", {200: _json(EventsAnswer, "All of them")}, (404, 503)),
    Call("representation", "GET", "/workflows/{name}/representation", calls.representation, _READ,
         "The workflow as a graph", {200: _json(RepresentationAnswer, "The graph")}, (404, 503)),
    Call("result", "GET", "/results/{handler_id}", calls.result, _READ, "A handler with its plain result",
         _looked_at(HandlerResult), (404, 503)),
    Call("handlers", "GET", "/handlers", calls.list_handlers, _READ, "Handlers, newest first",
         {200: _json(HandlersAnswer, "All that fit")}, (400, 503)),
    Call("handler", "GET", "/handlers/{handler_id}", calls.handler, _READ, "A handler with its last event",
         _looked_at(HandlerData), (404, 503), is_hot=True),
    Call("cancel", "POST", "/handlers/{handler_id}/cancel", calls.cancel, _RUN, "Cancel a run, or remove it",
         {200: _json(CancelAnswer, "Done")}, (400, 404, 409, 503)),
    Call("events", "GET", "/events/{handler_id}", calls.events, _READ, "Events with replay and tail",
         _STREAMED, (400, 404, 503)),
    Call("send", "POST", "/events/{handler_id}", calls.send_event, _RUN, "Send an event to a run",
         {200: _json(SentAnswer, "It was sent")}, (400, 404, 409, 413, 429, 503),
         body_of(HandlerEvent), is_hot=True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Routes:
    """Calls as routes, with the owner of each, and those of them that have the hot lane."""

    router: APIRouter
    owners: Mapping[str, RouteOwner]
    hot: tuple[HotRoute, ...]


def routes_of(*placed: tuple[str, str, tuple[Call, ...]]) -> Routes:
    """Make the routes of calls. placed: what stands before their paths and before their names, and they."""
    router, owners, hot = APIRouter(tags=["workflow server"]), {}, []
    for prefix, mark, some in placed:
        for call in some:
            operation_id = f"{NAME}_{mark}{call.name}"
            owners[operation_id] = call.owner
            statuses = {**failures(Detail, *call.failures)} if call.failures else {}
            router.add_api_route(
                prefix + call.path,
                call.endpoint,
                methods=[call.method],
                operation_id=operation_id,
                summary=call.summary,
                response_model=None,
                responses={**statuses, **call.answers},
                openapi_extra=dict(call.body),
            )
            if call.is_hot:
                hot.append((prefix + call.path, call.method, operation_id, _with_parameter(call.endpoint)))
    return Routes(router, owners, tuple(hot))


def _with_parameter(endpoint: Callable[..., Any]) -> Endpoint:
    """Give an endpoint the one parameter of its path, as the framework does."""

    async def called(request: Request) -> Response:
        found: Response = await endpoint(request, *request.path_params.values())
        return found

    return called


#: Beside the native contract, which has a `/health` and a page of its own.
BESIDE = routes_of(("", "", CALLS), (PREFIX, "llama_", (HEALTH, *PAGE, *CALLS)))
#: All by itself.
ALONE = routes_of(("", "", (HEALTH, *PAGE, *CALLS)))
