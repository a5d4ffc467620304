"""A lane for the routes that are asked most: from the guard straight to their functions.

Routing, dependencies, exit stacks and the framework's own error handling take longer than these functions do.
What they answer, and how they fail, is the same: the routes stand in the router as well, documented and with
every other method, and errors find the handlers that are installed on the app.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]
#: Path, method, operation id, endpoint.
HotRoute = tuple[str, str, str, Endpoint]


class HotLane:
    """Answer hot routes; pass all else on.

    routes  (path, method, endpoint); a path is fixed but for one parameter, which may be its last segment or
            the one before that.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[tuple[str, str, Endpoint]]) -> None:
        self._app = app
        self._fixed: dict[tuple[str, str], Endpoint] = {}
        #: By method and all of the path before its last segment: the name of that segment, and the endpoint.
        self._open: dict[tuple[str, str], tuple[str, Endpoint]] = {}
        #: The same for the last segment but one; by what comes after it, too.
        self._inner: dict[tuple[str, str, str], tuple[str, Endpoint]] = {}
        for path, method, endpoint in routes:
            stem, _, last = path.rpartition("/")
            if last.startswith("{"):
                self._open[method, stem] = (last.strip("{}"), endpoint)
            elif stem.endswith("}"):
                before, _, middle = stem.rpartition("/")
                self._inner[method, before, last] = (middle.strip("{}"), endpoint)
            else:
                self._fixed[method, path] = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoint(scope) if scope["type"] == "http" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except Exception as error:
            handlers = scope["app"].exception_handlers
            handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
            if handler is None:
                raise
            response = await handler(request, error)
        await response(scope, receive, send)

    def _endpoint(self, scope: Scope) -> Endpoint | None:
        method, path = scope["method"], scope["path"]
        if scope.get("root_path"):
            return None  # mounted below another path: the router knows how to take that off
        if (fixed := self._fixed.get((method, path))) is not None:
            return fixed
        stem, _, last = path.rpartition("/")
        name, endpoint = self._open.get((method, stem), ("", None))
        segment = last
        if endpoint is None:
            before, _, segment = stem.rpartition("/")
            name, endpoint = self._inner.get((method, before, last), ("", None))
        if endpoint is None or not segment:
            return None
        scope["path_params"] = {name: segment}
        return endpoint
