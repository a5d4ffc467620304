"""The events of an answer, whatever its server calls it: a stream of any Content-Type, or JSON as a whole."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator

import httpx2

#: Of one event, or of an answer that comes as a whole.
EVENT_MAX_BYTES = 64 * 1024 * 1024


async def read_events(response: httpx2.Response) -> AsyncIterator[str]:
    """Give the data of each event. An answer that is JSON from its first letter on is one event.

    Told apart by what is there: servers label streams as JSON, text or nothing, and some do not stream.
    Raises httpx2.TransportError, httpx2.DecodingError, ValueError for what is no text or too large.
    """
    pieces = response.aiter_bytes()
    head = b""
    async for piece in pieces:
        head += piece
        if head.strip() and not codecs.BOM_UTF8.startswith(head):
            break
    head = head.removeprefix(codecs.BOM_UTF8)
    if head.lstrip()[:1] in (b"{", b"["):
        yield await _whole(head, pieces)
        return
    events = httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content=_from(head, pieces),
        request=response.request,
    )
    try:
        async for event in httpx2.EventSource(events, max_event_size=EVENT_MAX_BYTES):
            # An event without data only keeps the connection, or names the id to begin at next time.
            if data := event.data.strip():
                yield data
    except httpx2.SSEError as error:
        raise ValueError(str(error)) from error


async def _from(head: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in pieces:
        yield piece
    # The last event counts without the empty line that should end it.
    yield b"\n\n"


async def _whole(head: bytes, pieces: AsyncIterator[bytes]) -> str:
    body = bytearray(head)
    async for piece in pieces:
        body += piece
        if len(body) > EVENT_MAX_BYTES:
            raise ValueError(f"the answer is larger than {EVENT_MAX_BYTES} bytes")
    return body.decode()
