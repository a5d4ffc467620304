"""The native routes, and how they and those of the dialects are put on an app."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from types import MappingProxyType, ModuleType
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route

from api import openapi
from api.auth import authorised, guarded
from api.compression import Compression
from api.demo import routes as demo
from api.dialects import DIALECTS
from api.dialects.dialect import Dialect
from api.hot_lane import Endpoint, HotLane, HotRoute
from api.mcp import door
from api.middleware import RequestLimits
from api.owners import OWNERS, RouteOwner, owner_of, security_of
from api.page import context
from api.page import routes as page
from api.prefix import Prefixed
from api.problems import StoreErrorMaker, install_handlers
from api.request_guard import CHANGING, RequestGuard
from api.responses import failures, problems
from api.routers import (
    approvals,
    dead_letters,
    deliveries,
    documentation,
    events,
    executions,
    handlers,
    health,
    inboxes,
    incoming,
    keys,
    metrics,
    nodes,
    queues,
    reruns,
    schedules,
    session,
    signals,
    simulate,
    statistics,
    tenants,
    usage,
    validate,
    webhooks,
    workers,
    workflow,
    workflows,
)
from api.store_time import StoreTime
from api.validator import known_query
from orchestrator.documents.limits import Limits

_ROUTERS = (
    workflow, workflows, schedules, webhooks, incoming, validate, simulate, executions, reruns, nodes,
    signals, inboxes, approvals, events, handlers, usage, statistics, workers, queues, metrics, dead_letters,
    deliveries, keys, tenants, session, health, documentation, context, page,
)  # fmt: skip
#: Routes of pages: their query strings are for scripts in the browser.
_PAGES = frozenset({page})

#: The routes that take a definition, and so a larger body.
DEFINITION_PATHS = frozenset({"/workflow", "/v1/executions", "/v1/validate", "/v1/simulate", "/v1/workflows"})
#: How the paths of other such routes end, and what stands before their last segment.
DEFINITION_ENDINGS = ("/fork",)
DEFINITION_PARENTS = frozenset({"/v1/workflows"})
#: Routes that are worth a lane of their own.
_HOT = (*workflow.HOT, *executions.HOT, *workflows.HOT, *incoming.HOT)


Documented = dict[int | str, dict[str, Any]]

#: What can be answered before a route sees the request: to any, and to one that may change something.
BEFORE_ROUTES = (421, 422, 431)
BEFORE_CHANGES = (403, 408, 415)
#: To a request without the key it needs.
BEFORE_OWNED = (401, 403)
#: What scripts of other origins may read of an answer.
EXPOSED_HEADERS = ("Location", "Link", "ETag", "Idempotency-Replayed", "Retry-After", "X-Request-ID")


def install(
    app: FastAPI,
    limits: Limits,
    *,
    guard: RequestGuard | None = None,
    store_errors: Mapping[type[Exception], StoreErrorMaker] = MappingProxyType({}),
    dialects: Sequence[Dialect] = DIALECTS,
    is_native: bool = True,
    is_demo: bool = False,
    mcp: door.McpDoor | None = None,
    root_path: str = "",
) -> None:
    """Give the app its routes, its guard and limits, and its ways to say that something went wrong.

    store_errors  what the store's client raises, and what each type of it means; see `install_handlers`.
    dialects      the contracts served beside the native one; their failures have their own forms.
    is_native     False: the native contract is not served, only those of the dialects.
    is_demo       True: the routes of the demo are served too.
    mcp           what serves agents, by POST alone: every answer comes with its own request; None: nothing.
    root_path     prefix of every path in a browser, which a proxy takes off; empty without one.
    """
    # Reached first, and without FastAPI's machinery for dependencies, which these functions do not use, where
    # the lane does not serve them. The routers below document the same functions.
    hot = _hot_routes(dialects, is_native=is_native)
    app.router.routes.extend(Route(path, endpoint, methods=[method]) for path, method, endpoint in hot)
    app.router.routes.extend(_gated(_ROUTERS if is_native else (), tuple(dialects)))
    app.state.error_shapes = tuple(dialects)
    if is_demo:
        app.include_router(demo.router, dependencies=[Depends(authorised(demo.OWNERS)), Depends(known_query)])
    if mcp is not None:
        app.router.routes.append(Route(door.PATH, mcp, methods=["POST"]))
    openapi.install(app, once=frozenset().union(*(dialect.once for dialect in dialects)))
    guard = guard or RequestGuard()
    if guard.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=guard.origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
        )
    else:
        app.add_middleware(HotLane, routes=hot)
    app.add_middleware(Compression)
    app.add_middleware(
        RequestLimits,
        guard=guard,
        max_body_bytes=limits.max_body_bytes,
        max_definition_bytes=limits.max_definition_bytes,
        definition_paths=DEFINITION_PATHS.union(*(dialect.definition_paths for dialect in dialects)),
        definition_endings=DEFINITION_ENDINGS,
        definition_parents=DEFINITION_PARENTS,
    )
    app.add_middleware(StoreTime)
    if root_path:
        app.add_middleware(Prefixed, root_path=root_path)
    install_handlers(app, store_errors)


def _hot_routes(dialects: Sequence[Dialect], *, is_native: bool) -> list[tuple[str, str, Endpoint]]:
    """Give path, method and endpoint of the routes with a lane of their own, each behind its gate."""
    sources: list[tuple[Sequence[HotRoute], Mapping[str, RouteOwner], bool]] = []
    if is_native:
        sources.append((_HOT, OWNERS, False))
    sources += [(dialect.hot, dialect.owners, dialect.needs_key) for dialect in dialects]
    return [
        (path, method, guarded(endpoint, name, owners, needs_key=needs_key))
        for routes, owners, needs_key in sources
        for path, method, name, endpoint in routes
    ]


@cache
def _gated(natives: tuple[ModuleType, ...], dialects: tuple[Dialect, ...]) -> tuple[BaseRoute, ...]:
    """Put the native routes and those of the dialects together, each behind its gate.

    The same for every app of a process, with what the framework makes of each at its first request.
    """
    together = APIRouter()
    for module in natives:
        _document_refusals(module.router, OWNERS, problems)
        # Named for all others, so that no route promises the framework's own words for a request it refuses.
        checks = [authorised(OWNERS)] if module in _PAGES else [authorised(OWNERS), known_query]
        together.include_router(
            module.router,
            dependencies=[Depends(check) for check in checks],
            responses=problems(),
        )
    for dialect in dialects:
        documented = partial(failures, dialect.failure_model)
        _document_refusals(dialect.router, dialect.owners, documented)
        passed = authorised(dialect.owners, needs_key=dialect.needs_key)
        together.include_router(dialect.router, dependencies=[Depends(passed)], responses=documented())
    return tuple(together.routes)


def _document_refusals(
    router: APIRouter, owners: Mapping[str, RouteOwner], documented: Callable[..., Documented]
) -> None:
    """Add what the guard, the gate, the server and `known_query` answer to what every route promises.

    documented  gives what the OpenAPI document says of failures with these statuses.
    """
    # Before the router is included: the app holds it as a whole, and shows none of its routes.
    for route in router.routes:
        assert isinstance(route, APIRoute)
        statuses: tuple[int, ...] = (
            BEFORE_ROUTES if CHANGING.isdisjoint(route.methods or ()) else BEFORE_ROUTES + BEFORE_CHANGES
        )
        owner = owner_of(route.operation_id, owners)
        if owner not in (RouteOwner.PUBLIC, RouteOwner.SIGNED):
            statuses += BEFORE_OWNED
            route.openapi_extra = (route.openapi_extra or {}) | {"security": security_of(owner)}
        route.responses = documented(*statuses) | route.responses
