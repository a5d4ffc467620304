"""Adds the prefix of a proxy to the addresses in `Location` and `Link`."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What names a path of this server in them: at the start, behind a scheme and a host, or in angle brackets.
_PATHS = {
    b"location": re.compile(rb"\A(https?://[^/]*)?(?=/(?!/))"),
    b"link": re.compile(rb"(<)(?=/(?!/))"),
}


class Prefixed:
    """Put the prefix before every path that the headers of an answer name.

    Here, and not where each is made: an address without it leads past the proxy, and any route may write one.
    """

    def __init__(self, app: ASGIApp, *, root_path: str) -> None:
        self._app = app
        self._prefix = root_path.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_prefixed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                message["headers"] = [(name, self._prefixed(name, value)) for name, value in headers]
            await send(message)

        await self._app(scope, receive, send_prefixed if scope["type"] == "http" else send)

    def _prefixed(self, name: bytes, value: bytes) -> bytes:
        pattern = _PATHS.get(name.lower())
        if pattern is None:
            return value
        return pattern.sub(lambda found: (found[1] or b"") + self._prefix, value)
