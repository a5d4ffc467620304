"""HTTP/1.1 with a limit to what a request may cost before it is one: bytes of its header, and time.

uvicorn's own protocol hands all that comes to the parser, which appends it to what it has of a header: one
without an end fills the memory, in time that grows with its square. Here bytes are counted and cut before the
parser sees them, and a request that does not come whole in time is refused.
"""

import asyncio
import logging
import os
import signal
from typing import Any, cast

from starlette.responses import Response
from uvicorn import Server
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.problems import respond
from api.refusals import HeaderTooLarge, MalformedRequest, RequestTooSlow
from orchestrator.errors import HeadraceError

log = logging.getLogger("headrace.api")

#: Request line and header fields together; of a chunked body also what stands between two of its pieces.
HEADER_BYTES = 64 * 1024
#: From the first byte of a connection, or of a request, to the end of its header.
HEADER_S = 10.0
#: For a body whatever its size, and a second more for each so many bytes that have come.
BODY_S = 20.0
BODY_BYTES_PER_S = 16 * 1024
#: How long and how far a refused client is still read: a connection cut at once would lose the answer.
LINGER_S = 1.0
LINGER_BYTES = 1024 * 1024
#: A loop that was held up finds late timers before the bytes that came in time: they get this long.
SECOND_LOOK_S = 0.5


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        #: Bytes since the last end of a header, of a request, or of a piece of a body.
        self._uncounted = 0
        #: Of a request that has not come whole: whether any bytes have come, its first line, its header.
        self._is_partial = self._is_begun = self._is_in_body = False
        self._deadline_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_late = False
        #: Bytes thrown away since the refusal; None while there is none.
        self._discarded: int | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(HEADER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._cancel_timer()

    def data_received(self, data: bytes) -> None:
        if self._discarded is not None:
            self._discard(len(data))
            return
        if not self._is_partial:
            # Bytes that begin no request (blank lines) have to begin one in time all the same.
            self._is_partial = True
            self._expect(HEADER_S)
        elif self._is_in_body and not self.cycle.response_complete:
            self._deadline_s += len(data) / BODY_BYTES_PER_S
        while data:
            room = HEADER_BYTES - self._uncounted
            piece, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
            self._uncounted += len(piece)
            super().data_received(piece)
            if self.transport.is_closing() or self._discarded is not None:
                return
            if self._uncounted >= HEADER_BYTES:
                self._refuse(HeaderTooLarge(HEADER_BYTES))
                return

    def handle_websocket_upgrade(self) -> None:
        self._cancel_timer()  # the connection speaks another protocol from now on
        super().handle_websocket_upgrade()

    # What the parser finds

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_partial = self._is_begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        # A trailer is left out: the header it would be added to has been judged.
        if not self._is_in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.cycle.transport = cast(asyncio.Transport, JoinedWrites(self.transport, self.loop))
        self._uncounted = 0
        self._is_in_body = True
        self._deadline_s = self.loop.time() + BODY_S

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._uncounted = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._uncounted = 0
        self._is_partial = self._is_begun = self._is_in_body = False

    # Time

    def _expect(self, within_s: float) -> None:
        self._is_late = False
        self._deadline_s = self.loop.time() + within_s
        if self._timer is None:
            self._timer = self.loop.call_at(self._deadline_s, self._look)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Refuse a request that is late; the one timer of a connection ends where there is none."""
        self._timer = None
        if self.transport.is_closing() or self._discarded is not None:
            return
        if not self._is_partial and self.cycle is not None:
            return  # between two requests; the next one sets it again
        now_s = self.loop.time()
        if self._is_behind_another():
            self._deadline_s = now_s + BODY_S
        elif now_s >= self._deadline_s:
            if self._is_late:
                self._refuse_late()
                return
            self._is_late = True
            self._timer = self.loop.call_later(SECOND_LOOK_S, self._look)
            return
        self._is_late = False
        self._timer = self.loop.call_at(self._deadline_s, self._look)

    def _is_behind_another(self) -> bool:
        """Whether the request that comes in follows one that is not answered yet, and so is not read on."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        return bool(self.pipeline) or (is_answering and not self._is_in_body)

    def _refuse_late(self) -> None:
        if not self._is_begun:
            self.transport.close()  # it has asked for nothing, and expects no answer
        elif self._is_in_body:
            more = f"and a second for each {BODY_BYTES_PER_S:,} bytes"
            self._refuse(RequestTooSlow(f"the body did not come whole within {BODY_S:g} s {more}"))
        else:
            self._refuse(RequestTooSlow(f"the header did not come whole within {HEADER_S:g} s"))

    # Refusals

    def send_400_response(self, msg: str) -> None:
        self._refuse(MalformedRequest())

    def _refuse(self, error: HeadraceError) -> None:
        """Answer with the problem, where no other answer has begun, and take nothing more."""
        self._discarded = 0
        request_id = os.urandom(12).hex()
        log.info(
            "request.refused", extra={"code": error.code, "request_id": request_id, "client": self.client}
        )
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if not self._is_in_body and is_answering:
            self.cycle.keep_alive = False  # what was asked before is still answered, and nothing after it
            return
        if self._is_in_body and (not is_answering or self.cycle.response_started or self.pipeline):
            self.transport.close()
            return
        self._cancel_timer()
        self._unset_keepalive_if_required()
        self.transport.write(_written(respond({"path": "", "headrace.request_id": request_id}, error)))
        if is_answering:
            # The route may be reading the body: it finds its client gone, and answers nothing.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_S, self.transport.abort)

    def _discard(self, count: int) -> None:
        assert self._discarded is not None
        self._discarded += count
        if self._discarded > LINGER_BYTES:
            self.transport.abort()


class JoinedWrites:
    """The transport of one response: its head leaves together with what follows it at once.

    The server writes head and body apart; each is a system call, a fifth of what a small answer costs.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        #: The first part that is written, as long as it waits; None once it has left.
        self._head: bytes | None = b""

    def write(self, data: bytes) -> None:
        """Write; the first part waits for the second until the end of this go of the loop."""
        if self._head is None:
            self._transport.write(data)
        elif self._head:
            self._transport.write(self._head + data)
            self._head = None
        else:
            self._head = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = None


def guard_server() -> bool:
    """Make the server this process runs speak GuardedProtocol. False where there is none that can.

    To be called while the app starts, before the server listens. `uvicorn main:app` gives its app no say in
    the protocol; the server is found as the one that handles SIGTERM.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if not isinstance(server, Server):
        return False
    if server.config.http_protocol_class is HttpToolsProtocol:
        server.config.http_protocol_class = GuardedProtocol
    return server.config.http_protocol_class is GuardedProtocol


def _written(answer: Response) -> bytes:
    head = [STATUS_LINE[answer.status_code]]
    head += [name + b": " + value + b"\r\n" for name, value in answer.raw_headers]
    return b"".join([*head, b"connection: close\r\n\r\n", bytes(answer.body)])
