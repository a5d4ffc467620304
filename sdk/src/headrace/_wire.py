"""The host's end of the socket to its worker: frames go out from any thread, and come in on one at a time."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from headrace._frames import FrameError, FrameReader, frame
from headrace._polling import Expected, Polling

_PR_SET_PDEATHSIG = 1
#: How often what is held back, such as a heartbeat, is looked at while attempts run.
TICK_S = 0.25
#: Of one read. The memory for more than 128 KiB is mapped and given back by the kernel each time.
_CHUNK_BYTES = 64 * 1024


class Guard:
    """Keeps interrupts of the main thread out of what must be done whole: `with guard:`."""

    def __init__(self) -> None:
        self._main = threading.main_thread().ident
        #: How deep the main thread is in it.
        self._depth = 0
        #: Raised in the main thread once it may be.
        self._postponed: BaseException | None = None

    def __enter__(self) -> None:
        if threading.get_ident() == self._main:
            self._depth += 1

    def __exit__(self, *error: object) -> None:
        if threading.get_ident() != self._main:
            return
        self._depth -= 1
        if self._depth == 0 and self._postponed is not None:
            postponed, self._postponed = self._postponed, None
            raise postponed

    def interrupt(self, error: BaseException) -> None:
        """Raise an exception in the main thread, as soon as it may be; for a signal handler."""
        if self._depth:
            self._postponed = error
            return
        raise error

    def forget(self) -> None:
        """Let go of an interrupt that came too late: what it was for has ended."""
        self._postponed = None


class Wire:
    """Sends whole frames, whatever interrupts the main thread: half a frame would spoil all that follow."""

    def __init__(self, sock: socket.socket) -> None:
        self.guard = Guard()
        self.fd = sock.fileno()
        self._socket = sock
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._frames = FrameReader()
        #: Of the loop that reads here; None where a thread does.
        self.polling: Polling | None = None

    def expect(self, what: Expected) -> None:
        """Say that something is about to come. In the thread that reads here."""
        if self.polling is not None:
            self.polling.expect(what)

    def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        """Send one frame. Raises FrameError for one that is too long; ends the process without a worker."""
        data = frame(header, body)
        with self.guard, self._lock:
            try:
                self._socket.sendall(data)
            except OSError:
                # The worker is gone, and nobody waits for anything this process does.
                end_group()

    def listen(
        self,
        take: Callable[[dict[str, Any], bytes], None],
        tick: Callable[[], bool],
        is_over: Callable[[], bool],
    ) -> None:
        """Pass on what comes, until it is over; ends the process when the worker is gone.

        tick  called now and then; whether it wants to be called again soon.
        """
        self._pass_on = take
        waits = tick()
        while not is_over():
            ready, _, _ = select.select([self._socket], [], [], TICK_S if waits else None)
            if ready:
                self.read()
            waits = tick()

    def read(self) -> None:
        """Pass on what has come, if anything has; from any thread."""
        with self._reading:
            try:
                data = self._socket.recv(_CHUNK_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                end_group()
            try:
                for header, body in self._frames.feed(data):
                    if self.polling is not None:
                        self.polling.came()
                    self._pass_on(header, body)
            except FrameError:
                end_group()


def end_with(parent: int) -> None:
    """Let the kernel end this process when its worker's main thread ends, however that comes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have ended before that took effect; then no signal would ever come.
    if os.getppid() != parent:
        os._exit(1)


def end_group() -> None:
    """End this process at once, and what it has started."""
    try:
        os.killpg(0, signal.SIGKILL)
    finally:
        os._exit(1)
