"""Responses that last as long as a history grows: its lines as they are, or in another contract's words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

from starlette.types import Send

from api.schemas.events import MEDIA_TYPES, Wire
from api.streaming.hub import RETRY, Hub
from api.streaming.listener import PING, body_of
from api.streaming.listener import Send as SendNow
from api.streaming.open_stream import OpenStream
from api.streaming.watcher import Watcher
from orchestrator.documents import exact_json


class Renderer(Protocol):
    """Words the events of one execution for one client, in their order."""

    def render(self, event: dict[str, Any]) -> bytes:
        """Give what the client gets for an event, or for a gap; nothing for one that it is not to see.

        event  as a line of NDJSON has it, see `EventLine` and `GapLine`.
        """
        ...


#: Reads what the words of an event need, before it is rendered. Raises HeadraceError to cut the stream there.
LookUp = Callable[[dict[str, Any]], Awaitable[None]]


class EventStream(OpenStream[Watcher]):
    """A response that lasts as long as the history grows and the client listens."""

    def __init__(
        self, hub: Hub, execution_id: str, *, after: int, wire: Wire, credential: str | None = None
    ) -> None:
        super().__init__(
            media_type=MEDIA_TYPES[wire],
            head=RETRY if wire == "sse" else b"",
            subject={"execution_id": execution_id},
        )
        self._hub = hub
        self._execution_id = execution_id
        self._after = after
        self._wire: Wire = wire
        #: The stream ends with this key or session.
        self._credential = credential

    def _join(self, send: SendNow) -> Watcher:
        return self._hub.join(
            self._execution_id,
            after=self._after,
            wire=self._wire,
            send=send,
            ping=PING if self._wire == "sse" else None,
            credential=self._credential,
        )

    def _leave(self, listener: Watcher) -> None:
        self._hub.leave(listener)


class RenderedStream(EventStream):
    """A response with the same events in the words of another contract.

    renderer    of this response alone: it may keep count.
    media_type  of what it gives.
    look_up     awaited before each event is rendered; None where the words need nothing else.
    head        sent before everything else.
    ping        sent after PING_AFTER_S without an event; None sends nothing then.
    """

    def __init__(
        self,
        hub: Hub,
        execution_id: str,
        *,
        after: int,
        renderer: Renderer,
        media_type: str,
        look_up: LookUp | None = None,
        head: bytes = b"",
        ping: bytes | None = PING,
        credential: str | None = None,
    ) -> None:
        super().__init__(hub, execution_id, after=after, wire="ndjson", credential=credential)
        self.headers["content-type"] = media_type
        self._renderer = renderer
        self._look_up = look_up
        self._head = head
        self._ping = ping

    def _join(self, send: SendNow) -> Watcher:
        # Nothing is handed to the server before it was rendered.
        return self._hub.join(
            self._execution_id,
            after=self._after,
            wire=self._wire,
            ping=self._ping,
            credential=self._credential,
        )

    async def _pass_on(self, listener: Watcher, send: Send) -> None:
        while (chunk := await listener.next_chunk()) is not None:
            if chunk is not self._ping:
                chunk = b"".join([part async for part in self._rendered(chunk)])
            if chunk:
                await listener.hand_over(send(body_of(chunk)))

    async def _rendered(self, lines: bytes) -> AsyncIterator[bytes]:
        for line in lines.splitlines():
            event = exact_json.loads(line)
            if self._look_up is not None:
                await self._look_up(event)
            yield self._renderer.render(event)
