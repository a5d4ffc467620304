"""What every request passes on its way in: an id, the guard, and a cap on its body while it streams.

A start that is refused passes here too, and is told in one line.

HEAD is answered here, for every route that has GET: by the route itself, whose body is dropped.

Plain ASGI on purpose: Starlette's BaseHTTPMiddleware starts a task group for every request and copies every
chunk of a stream through it.
"""

import logging
import os
import re
import sys
from collections.abc import Collection, Mapping

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.admission import Admission
from api.problems import WEBHOOKS, BodyTooLarge, respond
from api.request_guard import READ, RequestGuard, collect
from orchestrator.errors import HeadraceError

log = logging.getLogger("headrace.api")

#: What a client may send as X-Request-ID and get back; anything else is replaced, never echoed.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:/+=-]{1,128}\Z")
_WANTED = READ | {b"x-request-id", b"cookie", b"accept-encoding", b"if-none-match"}


class RequestLimits:
    """Name every request, refuse what the guard refuses, and stop reading bodies that are too large."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        guard: RequestGuard,
        max_body_bytes: int,
        max_definition_bytes: int,
        definition_paths: Collection[str],
        definition_endings: tuple[str, ...] = (),
        definition_parents: Collection[str] = (),
    ) -> None:
        """Take the limits and where they hold.

        definition_paths, _endings, _parents  paths that take a definition, and so the larger limit: whole, by
                                              their end, and by what stands before their last segment.
        """
        self._app = app
        self._guard = guard
        self._max_body_bytes = max_body_bytes
        self._max_definition_bytes = max_definition_bytes
        self._definition_paths = frozenset(definition_paths)
        self._definition_endings = definition_endings
        self._definition_parents = frozenset(definition_parents)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _in_one_line(send))
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, is_marked = collect(scope["headers"], _WANTED)
        scope["headrace.headers"] = headers
        admission = scope["headrace.admission"] = Admission()
        request_id = _request_id(headers)
        scope["headrace.request_id"] = request_id.decode("ascii")
        # What a route's dependencies add to its answer, whatever that is.
        more_headers: list[tuple[bytes, bytes]] = []
        scope["headrace.more_headers"] = more_headers
        is_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                message["headers"] = [*message["headers"], *more_headers, (b"x-request-id", request_id)]
            await send(message)

        limit = self._limit(scope["path"])
        refusal = self._guard.refusal(
            scope["method"],
            scope["scheme"],
            headers,
            is_marked=is_marked,
            takes_any_body=scope["path"].startswith(WEBHOOKS),
        )
        refusal = refusal or _oversize(headers, limit)
        if refusal is not None:
            await respond(scope, refusal)(scope, receive, send_with_id)
            return
        try:
            if scope["method"] == "HEAD":
                await self._answer_head(scope, receive, send_with_id)
            else:
                await self._app(scope, _capped(receive, limit, admission), send_with_id)
        except ClientDisconnect:
            return  # the client is gone
        except Exception as error:
            if is_started:
                raise
            log.exception("request.crashed", extra={"request_id": scope["headrace.request_id"]})
            await respond(scope, error)(scope, receive, send_with_id)

    async def _answer_head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the head of what GET gives; a stream finds that its client has left at once."""
        is_answered = False

        async def send_head(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                await send(message)
                await send({"type": "http.response.body", "body": b""})

        async def receive_once() -> Message:
            return {"type": "http.disconnect"} if is_answered else await receive()

        await self._app({**scope, "method": "GET"}, receive_once, send_head)

    def _limit(self, path: str) -> int:
        is_definition = (
            path in self._definition_paths
            or path.endswith(self._definition_endings)
            or path.rpartition("/")[0] in self._definition_parents
        )
        return self._max_definition_bytes if is_definition else self._max_body_bytes


def _in_one_line(send: Send) -> Send:
    """Let a process that refuses to start say why, where the framework would show a traceback."""

    async def send_plainly(message: Message) -> None:
        error = sys.exception()
        if message["type"] == "lifespan.startup.failed" and isinstance(error, HeadraceError):
            log.critical("process.refused", extra={"error": str(error)})
            message = {"type": message["type"]}
        await send(message)

    return send_plainly


def _request_id(headers: Mapping[bytes, bytes]) -> bytes:
    """Give the request the id it came with, or a new one."""
    sent = headers.get(b"x-request-id", b"")
    return sent if _REQUEST_ID.match(sent) else os.urandom(12).hex().encode("ascii")


def _oversize(headers: Mapping[bytes, bytes], limit_bytes: int) -> HeadraceError | None:
    declared = headers.get(b"content-length", b"")
    return BodyTooLarge(limit_bytes) if declared.isdigit() and int(declared) > limit_bytes else None


def _capped(receive: Receive, limit_bytes: int, admission: Admission) -> Receive:
    # A declared length is not trusted: a chunked body has none, and a proxy may have let a wrong one through.
    received = 0

    async def receive_capped() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > limit_bytes:
                raise BodyTooLarge(limit_bytes)
            if not message.get("more_body"):
                # A key may have been revoked while the body came.
                await admission.renew()
        return message

    return receive_capped
