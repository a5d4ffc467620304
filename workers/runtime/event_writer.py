"""Writes what one attempt says into the history: in the background, and at once for a handler that waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from headrace import HandlerFault, Retryable, Terminal
from headrace.durable import MAX_EVENTS
from orchestrator.errors import ErrorType
from orchestrator.store.requests import AttemptToken
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from workers.context import EVENT, EventSink
from workers.reports import Written
from workers.runtime.event_buffer import EventBuffer, Line

#: Bytes of typed events that go along with the end of an attempt; more of them are written before it.
MOST_ALONG_BYTES = 64 * 1024
#: Bytes of typed events that a handler may have written without waiting for any of them.
MOST_WAITING_BYTES = 16 * 1024 * 1024


class Sender(Protocol):
    """Sends what an attempt has said so far."""

    def check(self) -> None:
        """Raise Terminal or Retryable if an event could not be kept, or if too many wait to be sent."""

    async def flush(self) -> None:
        """Wait until all that was said so far is in the history. Raises what `check` raises."""

    async def settle(self) -> None:
        """Wait until what is left can go along with the end of the attempt. Raises what `check` raises."""


class NoSender:
    """Sends nothing; for attempts whose sink keeps what it gets."""

    def check(self) -> None:
        return None

    async def flush(self) -> None:
        return None

    async def settle(self) -> None:
        return None


NO_SENDER = NoSender()


class LineSender:
    """Sends the lines of one attempt's buffer. A part that is sent twice at a time is written once."""

    __slots__ = ("_buffer", "_fault", "_token", "_transitions")

    def __init__(self, transitions: Transitions, token: AttemptToken, buffer: EventBuffer) -> None:
        self._transitions = transitions
        self._token = token
        self._buffer = buffer
        #: Makes the error of an attempt that cannot complete: one of its events is not in the history.
        self._fault: Callable[[], HandlerFault] | None = None

    def call(self, lines: Sequence[Line]) -> Call[str]:
        """Build the call that writes lines."""
        return self._transitions.report_events(self._token, lines)

    def take(self, lines: Sequence[Line], answer: Any) -> None:
        """Take the answer to such a call: its word, or the fault in place of one."""
        if answer == "exceeded":
            self._fault = _exceeded
            self._buffer.drop_events()
            return
        if answer == "fenced":
            self._fault = self._fault or _replaced
        elif isinstance(answer, Exception) and any(type == EVENT for _, type, _ in lines):
            self._fault = self._fault or partial(Retryable, f"a typed event could not be written: {answer}")
        self._buffer.confirm(lines[-1][0])

    def check(self) -> None:
        if self._fault is not None:
            raise self._fault()
        if self._buffer.event_bytes > MOST_WAITING_BYTES:
            self._fault = _not_awaited
            raise self._fault()

    async def flush(self) -> None:
        last = self._buffer.newest
        while self._fault is None and self._buffer.has_up_to(last):
            lines = self._buffer.waiting()
            self.take(lines, await self.call(lines))
        if self._fault is not None:
            raise self._fault()

    async def settle(self) -> None:
        while self._fault is None and self._buffer.event_bytes > MOST_ALONG_BYTES:
            lines = self._buffer.waiting()
            self.take(lines, await self.call(lines))
        if self._fault is not None:
            raise self._fault()


class AttemptEvents:
    """The typed events of one attempt, as its handler writes them.

    sink    what the handler says goes through it: secrets are taken out there.
    sender  sends what the sink has collected.
    """

    __slots__ = ("_is_closed", "_sender", "_sink", "has_any")

    def __init__(self, sink: EventSink, sender: Sender) -> None:
        self._sink = sink
        self._sender = sender
        self._is_closed = False
        #: Whether there has been an event.
        self.has_any = False

    def write(self, event: dict[str, Any]) -> Written:
        """Write one event; see `EventWriter`."""
        if self._is_closed:
            raise Terminal("the attempt has ended: it can emit nothing more", type=ErrorType.LEASE_LOST)
        self._sender.check()
        self.has_any = True
        self._sink.emit(EVENT, event)
        return Written(self._sender.flush)

    async def flush(self) -> None:
        """Wait until all that was reported so far is in the history. Raises what `write` raises."""
        await self._sender.flush()

    async def finish(self) -> None:
        """Take no more events, and wait for those that nobody has waited for. Raises what `write` raises."""
        self.close()
        if self.has_any:
            await self._sender.flush()

    async def settle(self) -> None:
        """Take no more events; those that nobody has waited for are written with the end of the attempt.

        Raises what `write` raises, and so may the end.
        """
        self.close()
        if self.has_any:
            await self._sender.settle()

    def close(self) -> None:
        """Take no more events."""
        self._is_closed = True


def _exceeded() -> Terminal:
    message = f"one typed event too many: an execution keeps {MAX_EVENTS:,}"
    return Terminal(message, type=ErrorType.EVENTS_EXCEEDED)


def _not_awaited() -> Terminal:
    message = (
        f"more than {MOST_WAITING_BYTES:,} bytes of typed events wait to be written: "
        "await what context.emit gives back"
    )
    return Terminal(message, type=ErrorType.EVENTS_EXCEEDED)


def _replaced() -> Terminal:
    return Terminal("this attempt has been replaced", type=ErrorType.LEASE_LOST)
