"""What an attempt in a host asks of its worker, and waits for: one way for all that is asked."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import queue
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from typing import Any, TypeVar, cast

from headrace._frames import FrameError
from headrace._wire import Wire
from headrace.outcome import Cancelled, HandlerFault, Retryable, Terminal

T = TypeVar("T")
#: Makes the answer of the fields and the body of a frame.
Read = Callable[[Mapping[str, Any], bytes], T]
#: Takes a part of the answer that comes before its end.
OnPiece = Callable[[Any], None]
#: What an answer says when the attempt is over.
STOPPED: Mapping[str, Any] = {"is_stopped": True}


class Asks:
    """All that one attempt has asked for and has no answer to yet.

    loop  of the host's async handlers; None in a sync host.
    """

    __slots__ = ("_is_closed", "_loop", "_numbers", "_open", "_run", "_wire")

    def __init__(self, wire: Wire, run: int, loop: asyncio.AbstractEventLoop | None) -> None:
        self._wire = wire
        self._run = run
        self._loop = loop
        self._numbers = itertools.count(1)
        self._open: dict[int, Asked[Any]] = {}
        self._is_closed = False

    def call(
        self,
        what: str,
        fields: Mapping[str, Any],
        body: bytes,
        read: Read[T],
        on_piece: OnPiece | None = None,
        *,
        is_kept: bool = False,
    ) -> T:
        """Ask, and give the answer: a coroutine for the host's own loop.

        It asks once it is awaited; what is kept (see `begin`) is asked for at once. Anywhere else the call
        itself waits. Raises Retryable and Terminal as the worker has them, and Cancelled when the attempt
        was stopped.
        """
        is_awaited = self.is_awaited
        if is_awaited and not is_kept:
            return cast(T, self._asked(what, fields, body, read, on_piece))
        asked = self.begin(what, fields, body, read, on_piece, is_kept=is_kept)
        if not is_awaited:
            return asked.wait()
        self._wire.expect("entry")
        return cast(T, asked.answer())

    async def _asked(
        self, what: str, fields: Mapping[str, Any], body: bytes, read: Read[T], on_piece: OnPiece | None
    ) -> T:
        return await self.begin(what, fields, body, read, on_piece).answer()

    @property
    def is_awaited(self) -> bool:
        """Whether this is called in the loop of async handlers, which must not be held up."""
        return self._loop is not None and _running_loop() is self._loop

    def begin(
        self,
        what: str,
        fields: Mapping[str, Any],
        body: bytes,
        read: Read[T],
        on_piece: OnPiece | None = None,
        *,
        is_kept: bool = False,
    ) -> Asked[T]:
        """Ask at once. Raises Terminal for what is too long to be sent, and after the end of the attempt.

        is_kept  the worker does it whoever waits for it.
        """
        number = next(self._numbers)
        asked = self._open[number] = Asked(self, number, read, on_piece, is_kept=is_kept)
        if self._is_closed:
            raise Terminal("the attempt has ended: it can ask for nothing more", type="LeaseLost")
        try:
            self._wire.send({"type": "ask", "id": self._run, "n": number, "what": what, **fields}, body)
        except FrameError as error:
            del self._open[number]
            raise Terminal(f"the worker cannot be asked: {error}") from None
        except BaseException:
            # An interrupt that has waited until the frame was out: who is interrupted does not wait.
            asked.give_up()
            raise
        return asked

    def take(self, header: Mapping[str, Any], body: bytes) -> None:
        """Take an answer, or a piece of one; from any thread."""
        number = header["n"]
        is_last = header["type"] == "answer"
        asked = self._open.pop(number, None) if is_last else self._open.get(number)
        if asked is not None:
            asked.take(header, body)

    def close(self) -> None:
        """End every wait: what a handler has left behind in threads and tasks would wait for ever."""
        self._is_closed = True
        for number in list(self._open):
            if (asked := self._open.pop(number, None)) is not None:
                asked.take({"type": "answer", "n": number, **STOPPED}, b"")

    def withdraw(self, number: int) -> None:
        """Say that nobody waits for an answer any more."""
        if self._open.pop(number, None) is not None:
            self._wire.send({"type": "withdraw", "id": self._run, "n": number})


class Asked(Awaitable[T]):
    """One thing that was asked, and its answer: waited for, or awaited."""

    __slots__ = ("_answer", "_asks", "_came", "_is_kept", "_number", "_on_piece", "_read", "_wake")

    def __init__(
        self, asks: Asks, number: int, read: Read[T], on_piece: OnPiece | None, *, is_kept: bool
    ) -> None:
        self._asks = asks
        self._is_kept = is_kept
        self._number = number
        self._read = read
        self._on_piece = on_piece
        self._came: queue.SimpleQueue[tuple[Mapping[str, Any], bytes]] = queue.SimpleQueue()
        self._wake: Callable[[], object] | None = None
        self._answer: tuple[Mapping[str, Any], bytes] | None = None

    def take(self, header: Mapping[str, Any], body: bytes) -> None:
        self._came.put((header, body))
        if (wake := self._wake) is not None:
            with contextlib.suppress(RuntimeError):  # That loop is closed: nobody waits in it.
                wake()

    def wait(self) -> T:
        """Wait for the answer in this thread."""
        with self._given_up():
            while self._answer is None:
                self._handle(*self._came.get())
        return self._result()

    def __await__(self) -> Generator[Any, None, T]:
        return self.answer().__await__()

    async def answer(self) -> T:
        """Wait for the answer in this thread's loop."""
        came, loop, thread = asyncio.Event(), asyncio.get_running_loop(), threading.get_ident()

        def wake() -> None:
            if threading.get_ident() == thread:
                came.set()
            else:
                loop.call_soon_threadsafe(came.set)

        self._wake = wake
        with self._given_up():
            while self._answer is None:
                while self._came.empty():
                    await came.wait()
                    came.clear()
                self._handle(*self._came.get_nowait())
        return self._result()

    def give_up(self) -> None:
        """Let the worker end what nobody waits for any more."""
        if not self._is_kept and self._answer is None:
            self._answer = STOPPED, b""
            self._asks.withdraw(self._number)

    @contextlib.contextmanager
    def _given_up(self) -> Iterator[None]:
        """Give it up when the wait for it ends by force."""
        try:
            yield
        except BaseException:
            self.give_up()
            raise

    def _handle(self, header: Mapping[str, Any], body: bytes) -> None:
        if header["type"] == "answer":
            self._answer = header, body
        elif self._on_piece is not None:
            self._on_piece(header["piece"])

    def _result(self) -> T:
        assert self._answer is not None
        header, body = self._answer
        if header.get("is_stopped"):
            raise Cancelled
        if (fault := header.get("error")) is not None:
            raise _fault(fault)
        return self._read(header, body)


def _fault(fault: Mapping[str, Any]) -> HandlerFault:
    kind = Retryable if fault["retryable"] else Terminal
    return kind(
        fault["message"], type=fault["type"], after_s=fault.get("after_s"), details=fault.get("details")
    )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
