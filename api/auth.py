"""The check that every request passes before its route, and what the route then works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from api.access import reach_of
from api.admission import Admission
from api.owners import OWNERS, RouteOwner, owner_of
from orchestrator.engine import Engine, TenantEngine
from orchestrator.execution.access import Identity

Endpoint = Callable[[Request], Awaitable[Response]]


def authorised(
    owners: Mapping[str, RouteOwner], *, needs_key: bool = False
) -> Callable[[Request], Awaitable[None]]:
    """Make the dependency that every route has: it lets a request pass to its route, or raises.

    owners     of the routes, by operation id.
    needs_key  a request needs a key also where none is required.
    """

    async def passed(request: Request) -> None:
        request.scope["headrace.needs_key"] = needs_key
        await _pass(request, owner_of(request.scope["route"].operation_id, owners))

    return passed


def guarded(
    endpoint: Endpoint,
    operation_id: str,
    owners: Mapping[str, RouteOwner] = OWNERS,
    *,
    needs_key: bool = False,
) -> Endpoint:
    """Put the same check before a route that is reached without dependencies."""
    owner = owner_of(operation_id, owners)

    async def checked(request: Request) -> Response:
        request.scope["headrace.needs_key"] = needs_key
        await _pass(request, owner)
        return await endpoint(request)

    return checked


async def _pass(request: Request, owner: RouteOwner) -> None:
    request.scope["headrace.owner"] = owner
    if owner in (RouteOwner.PUBLIC, RouteOwner.SIGNED):
        return
    request.scope["headrace.identity"] = await _admit(request)
    admission = request.scope.get("headrace.admission")
    if isinstance(admission, Admission):
        admission.begin(lambda: _admit(request, is_fresh=True))


async def admit_again(request: Request, *, at_once: bool = False) -> None:
    """Ask again whether a request may pass, once it has waited for longer than a key counts as good.

    at_once  ask however short it has waited.
    """
    admission = request.scope.get("headrace.admission")
    if isinstance(admission, Admission):
        await admission.renew(at_once=at_once)


async def _admit(request: Request, *, is_fresh: bool = False) -> Identity:
    reach = reach_of(request)
    owner = request.scope["headrace.owner"]
    return await reach.gate.admit(
        request.scope,
        reach.engine.authentication,
        owner,
        is_fresh=is_fresh,
        needs_key=request.scope.get("headrace.needs_key", False),
    )


async def require(request: Request, owner: RouteOwner) -> None:
    """Let on only who passes to what this owner has, in a route that is another's otherwise."""
    await _pass(request, owner)


async def require_operator(request: Request) -> None:
    """Let only the operator on, in a route that is public otherwise."""
    await require(request, RouteOwner.OPERATOR)


def identity_of(request: Request) -> Identity:
    """Give who makes a request that has passed."""
    identity = request.scope["headrace.identity"]
    assert isinstance(identity, Identity)
    return identity


def engine_of(request: Request) -> TenantEngine:
    """Give the engine as the tenant of a request sees it."""
    identity = identity_of(request)
    assert identity.tenant is not None, "a route of the operator asks as a tenant"
    return reach_of(request).engine.of(identity.tenant)


def operator_engine_of(request: Request) -> Engine:
    """Give the whole engine, to a route of the operator."""
    assert request.scope["headrace.owner"] in (RouteOwner.OPERATOR, RouteOwner.REGISTRATION), (
        "not the operator's route"
    )
    return reach_of(request).engine
