"""What every request passes on its way in: an id, and a cap on its body while it streams.

Plain ASGI on purpose: Starlette's BaseHTTPMiddleware starts a task group for every request and copies every
chunk of a stream through it.
"""

import logging
import os
import re
from collections.abc import Collection

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import BodyTooLarge, respond

log = logging.getLogger("headrace.api")

#: What a client may send as X-Request-ID and get back; anything else is replaced, never echoed.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:/+=-]{1,128}\Z")


class RequestLimits:
    """Name every request and stop reading bodies that are too large."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body_bytes: int,
        max_definition_bytes: int,
        definition_paths: Collection[str],
        definition_endings: tuple[str, ...] = (),
    ) -> None:
        """definition_paths, definition_endings  paths that take a definition, and so the larger limit."""
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._max_definition_bytes = max_definition_bytes
        self._definition_paths = frozenset(definition_paths)
        self._definition_endings = definition_endings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, declared = _read_headers(scope)
        scope["headrace.request_id"] = request_id.decode("ascii")
        is_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        limit = self._limit(scope["path"])
        if declared is not None and declared > limit:
            await respond(scope, BodyTooLarge(limit))(scope, receive, send_with_id)
            return
        try:
            await self._app(scope, _capped(receive, limit), send_with_id)
        except ClientDisconnect:
            return  # the client is gone
        except Exception as error:
            if is_started:
                raise
            log.exception("request.crashed", extra={"request_id": scope["headrace.request_id"]})
            await respond(scope, error)(scope, receive, send_with_id)

    def _limit(self, path: str) -> int:
        is_definition = path in self._definition_paths or path.endswith(self._definition_endings)
        return self._max_definition_bytes if is_definition else self._max_body_bytes


def _read_headers(scope: Scope) -> tuple[bytes, int | None]:
    """Give the request's id, and the length it declares."""
    request_id: bytes | None = None
    declared: int | None = None
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            declared = int(value)
        elif name == b"x-request-id" and _REQUEST_ID.match(value):
            request_id = value
    return request_id or os.urandom(12).hex().encode("ascii"), declared


def _capped(receive: Receive, limit_bytes: int) -> Receive:
    # A declared length is not trusted: a chunked body has none, and a proxy may have let a wrong one through.
    received = 0

    async def receive_capped() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > limit_bytes:
                raise BodyTooLarge(limit_bytes)
        return message

    return receive_capped
