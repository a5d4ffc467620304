"""The history of an execution as it grows: server-sent events over as many connections as it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx2

from clients.backoff import Backoff
from clients.headrace.errors import ServerUnreachable
from clients.headrace.transport import Transport
from clients.headrace.views import Event

#: After a stream was lost; a thousand watchers of a restarted server should not come back in one instant.
RECONNECT = Backoff(first_s=0.2, most_s=5.0)
#: Redis away, or too many watchers: another try may succeed. Every other refusal stays as it is.
PASSING = (429, 500, 502, 503, 504)


class HistoryEnded(Exception):
    """The server answered 204: the execution has ended and every event was read."""


async def follow(
    transport: Transport, path: str, *, after: int = 0, give_up_after_s: float | None = 60.0
) -> AsyncIterator[Event]:
    """Give every event once, in order, until the execution has ended; reconnect where a stream breaks.

    after            the seq read last.
    give_up_after_s  how long to be without a server before ServerUnreachable is raised; None: for ever.
    """
    last_seq, has_ended = after, False
    tries, away_since = 0, time.monotonic()
    while True:
        try:
            async for event in _read_stream(transport, path, after=last_seq):
                tries, away_since = 0, time.monotonic()
                last_seq, has_ended = event.seq, event.is_terminal
                yield event
            # A stream closes at its end, or because the server shuts down: the last event tells which.
            if has_ended:
                return
        except HistoryEnded:
            return
        except ServerUnreachable:
            if give_up_after_s is not None and time.monotonic() - away_since > give_up_after_s:
                raise
        tries += 1
        await asyncio.sleep(RECONNECT.pause_s(tries))


async def _read_stream(transport: Transport, path: str, *, after: int) -> AsyncIterator[Event]:
    """Read one connection's worth of events. Raises HistoryEnded where no event is left to come."""
    seq = after
    headers = {"Last-Event-ID": str(after)} if after else {}
    try:
        async with transport.sse(path, headers) as source:
            if source.response.status_code == 204:
                raise HistoryEnded
            if source.response.status_code != 200:
                await source.response.aread()
                error = transport.error(source.response)
                if source.response.status_code in PASSING:
                    raise ServerUnreachable(transport.base_url, str(error))
                raise error
            async for frame in source:
                if not frame.data:
                    continue
                event = Event.from_json(frame.data, default_seq=seq)
                if event.type != "gap" and event.seq <= seq:
                    continue
                seq = event.seq
                yield event
    except httpx2.TransportError as broken:
        raise transport.unreachable(broken) from broken
