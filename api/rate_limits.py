"""Limits of requests by time: a dependency that counts, and says in every answer what is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from starlette.requests import Request

from api.access import Reach, reach_of
from api.auth import identity_of
from orchestrator.errors import RateLimited
from orchestrator.operations.rates import Rate

#: Who is counted: the tenant whose key comes with a request, or the address it comes from.
Subject = Literal["tenant", "address"]
#: In which the requests of a rate are counted.
WINDOW_MS = 60_000


def limited(
    bucket: str, most: Callable[[Reach], int], *, by: Subject = "tenant"
) -> Callable[[Request], Awaitable[None]]:
    """Make the dependency of a route that takes from a rate, after the key has been checked.

    bucket  names what is counted together, in all processes.
    most    how many a minute, 0 for any number.
    """

    async def counted(request: Request) -> None:
        reach = reach_of(request)
        allowed = most(reach)
        if not allowed:
            return
        try:
            taken = await reach.engine.rates.take(Rate(bucket, allowed, WINDOW_MS), _subject(request, by))
        except RateLimited as error:
            _say(request, error.most, 0, error.resets_ms)
            raise
        _say(request, taken.most, taken.left, taken.resets_ms)

    return counted


def _subject(request: Request, by: Subject) -> str:
    if by == "address":
        return f"address {request.client.host if request.client else ''}"
    return f"tenant {identity_of(request).tenant or ''}"


def _say(request: Request, most: int, left: int, resets_ms: int) -> None:
    """Add the usual headers to the answer; the reset is in seconds since 1970."""
    fields = {
        b"x-ratelimit-limit": most,
        b"x-ratelimit-remaining": left,
        b"x-ratelimit-reset": -(-resets_ms // 1_000),
    }
    request.scope["headrace.more_headers"] += [(name, b"%d" % value) for name, value in fields.items()]
