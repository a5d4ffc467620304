"""Compresses large JSON answers with gzip for clients that accept it.

Plain ASGI: only an answer that comes in one piece is compressed; all else, such as a stream, is passed on as
it comes. The level is low: it saves most of what can be saved, in a tenth of the time.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.etags import compressed

#: Smaller answers are sent as they are: headers and latency are most of their cost.
LEAST_BYTES = 8 * 1024
#: Larger answers are compressed in a thread: it takes milliseconds, in which the loop would serve no request.
THREAD_BYTES = 128 * 1024
LEVEL = 2

_IS_JSON = re.compile(rb"application/(?:[a-z0-9.-]+\+)?json(?:;|\Z)").match
_IS_FORBIDDEN = re.compile(rb"\bno-transform\b").search
_VARY = (b"vary", b"Accept-Encoding")


class Compression:
    """Compress what an app answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = scope["headrace.headers"]
        takes_gzip = accepts_gzip(sent.get(b"accept-encoding", b""))
        # The start of an answer that may be compressed, until its body is there.
        held: Message | None = None

        async def send_smaller(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                if _is_worth_it(message):
                    held = {**message, "headers": [*message["headers"], _VARY]}
                    return
                if takes_gzip and message["status"] == 304:
                    # What is confirmed is the representation that the client has kept.
                    message = _confirmed(message, sent.get(b"if-none-match", b""))
            elif held is not None:
                start, held = held, None
                if takes_gzip and not message.get("more_body"):
                    start, message = await _as_gzip(start, message)
                await send(start)
            await send(message)

        await self._app(scope, receive, send_smaller)


@lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether a client accepts gzip, and does not prefer `identity`."""
    weights: dict[str, float] = {}
    for part in accept_encoding.decode("latin-1").lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        weights[name] = _weight(parameters)
    found = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return found > 0 and found >= weights.get("identity", 0.0)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _is_worth_it(start: Message) -> bool:
    """Whether this is the start of a large answer in JSON that nothing forbids to compress.

    A stream does not say how long it is.
    """
    kind, length_bytes = b"", 0
    for name, value in start["headers"]:
        if name == b"content-length":
            length_bytes = int(value)
        elif name == b"content-type":
            kind = value
        elif name == b"content-encoding" or (name == b"cache-control" and _IS_FORBIDDEN(value)):
            return False
    return length_bytes >= LEAST_BYTES and _IS_JSON(kind) is not None


async def _as_gzip(start: Message, body: Message) -> tuple[Message, Message]:
    whole: bytes = body["body"]
    if len(whole) < THREAD_BYTES:
        smaller = gzip.compress(whole, LEVEL, mtime=0)
    else:
        smaller = await asyncio.to_thread(gzip.compress, whole, LEVEL, mtime=0)
    headers = [
        (name, compressed(value) if name == b"etag" else value)
        for name, value in start["headers"]
        if name != b"content-length"
    ]
    headers += [(b"content-encoding", b"gzip"), (b"content-length", str(len(smaller)).encode())]
    return {**start, "headers": headers}, {**body, "body": smaller}


def _confirmed(start: Message, if_none_match: bytes) -> Message:
    headers = [
        (name, compressed(value) if name == b"etag" and compressed(value) in if_none_match else value)
        for name, value in start["headers"]
    ]
    return {**start, "headers": headers}
