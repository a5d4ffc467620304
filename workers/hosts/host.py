"""One handler host as its worker sees it: a process, the socket to it, and the attempts it runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

from headrace import Terminal
from headrace._frames import PROTOCOL, FrameError, frame, framed
from headrace._tracebacks import CALLERS
from orchestrator.documents import exact_json
from workers.context import HandlerContext
from workers.hosts.call import Call
from workers.hosts.channel import Channel, Output
from workers.hosts.ends import Exit, GivenBack, outcome_of
from workers.hosts.launch import HostSettings, launch

log = logging.getLogger("headrace.hosts")

State = Literal["starting", "ready", "draining", "gone"]
Kind = Literal["sync", "async"]
#: How long a host may take to load its modules.
START_S = 30.0
#: What it has sent is still read for so long after it has ended: a child of its own may hold the socket open.
LAST_WORDS_S = 0.05
#: Where the kernel does not say when a process ends, it is looked at this often.
LOOK_S = 0.05
#: An async host that has not let its loop turn for so long is held up: it notes that ten times a second.
BYSTANDER_S = 0.25
MOST_LAST_LINES = 20
_WAKE = frame({"type": "wake"})
#: Attempts that are shown of a host.
MOST_SHOWN = 20
#: Lines of a fatal error that show the host's own frames.
_OWN_FRAMES = tuple(f'  File "{folder}' for folder in (*CALLERS, "<frozen runpy", "<string>"))


class Host:
    """Starts at `start`, and is `gone` in the end.

    on_change  called whenever its state or its load changes.
    """

    def __init__(self, settings: HostSettings, generation: int, on_change: Callable[[Host], None]) -> None:
        self.settings = settings
        self.generation = generation
        self.kind: Kind | None = None
        self.capacity = 0
        self.state: State = "starting"
        self.pid = 0
        self.calls: dict[int, Call] = {}
        #: What it offers, once it is ready.
        self.offer: dict[str, Any] | None = None
        #: Why it does not load: {message, traceback, …}.
        self.refusal: dict[str, Any] | None = None
        self.exit: Exit | None = None
        #: Attempts it has run, and its memory after the last one.
        self.runs = 0
        self.rss_kb = 0
        #: A replacement is wanted, or there already.
        self.is_retiring = False
        #: An attempt lets nothing else run, so it gets nothing more.
        self.is_held_up = False
        #: The worker leaves: what still runs here is given back, and nobody is to blame.
        self.is_leaving = False
        self.since_s = time.monotonic()
        self._on_change = on_change
        self._numbers = 0
        self._last_lines: deque[str] = deque(maxlen=MOST_LAST_LINES)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._has_eof = asyncio.Event()
        self._gone = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    def describe(self) -> dict[str, Any]:
        """Show the host; from any thread."""
        return {
            "kind": self.kind,
            "pid": self.pid,
            "state": ("busy" if self.calls else "idle") if self.state == "ready" else self.state,
            "runs": self.runs,
            "rss_mb": round(self.rss_kb / 1024),
            "running": [[call.unit, call.since_ms] for call in list(self.calls.values())[:MOST_SHOWN]],
        }

    # Its life

    def start(self) -> None:
        """Start the process. Raises OSError."""
        self._launched = launch(self.settings)
        self.pid = self._launched.process.pid
        self._watch = asyncio.create_task(self._live())

    async def _live(self) -> None:
        """Follow the process from its start to its end."""
        process, output = self._launched.process, self._launched.process.stdout
        assert output is not None
        channel = Channel(self._take, self._has_eof)
        self._transport, _ = await self._loop.create_connection(lambda: channel, sock=self._launched.socket)
        pipe, _ = await self._loop.connect_read_pipe(lambda: Output(self._take_output_line), output)
        deadline = self._loop.call_later(START_S, self._give_up)
        try:
            await self._until_exit(process.pid)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await self._has_eof.wait()
            # What it started is of no use without it, and may hold files and sockets open.
            self._signal_group()
            self.exit = Exit(process.wait(), tuple(self._last_lines))
            culprit = self._launched.slot.on_cpu()
        finally:
            deadline.cancel()
            self._transport.close()
            pipe.close()
            self._launched.slot.close()
        self._end(culprit)

    async def _until_exit(self, pid: int) -> None:
        """Wait for the end of the process. The socket does not tell: what a handler starts keeps it open."""
        ended = asyncio.Event()
        try:
            fd = os.pidfd_open(pid)
        except (AttributeError, OSError):
            while self._launched.process.poll() is None:
                await asyncio.sleep(LOOK_S)
            return
        self._loop.add_reader(fd, ended.set)
        try:
            await ended.wait()
        finally:
            self._loop.remove_reader(fd)
            os.close(fd)

    def _give_up(self) -> None:
        if self.state == "starting":
            message = f"the modules of HANDLERS are not loaded after {START_S:g} s"
            self.refusal = {"message": message, "traceback": "\n".join(self._last_lines)}
            self.kill()

    def _end(self, on_cpu: int) -> None:
        """End every attempt that was here: the one to blame by the crash, the others without a charge."""
        assert self.exit is not None
        was_starting, self.state = self.state == "starting", "gone"
        if was_starting and self.refusal is None:
            text = "\n".join(self._last_lines)
            message = f"the process ended while it loaded the modules of HANDLERS: {self.exit.text}"
            self.refusal = {"message": message, "traceback": text}
        culprit = self.calls.get(on_cpu)
        if culprit is None and len(self.calls) == 1:
            culprit = next(iter(self.calls.values()))
        if self.calls and not self.is_leaving:
            blamed = culprit.unit if culprit else None
            log.warning("host.died", extra={"pid": self.pid, "how": self.exit.text, "attempt": blamed})
        for call in self.calls.values():
            if self.is_leaving:
                call.fail(GivenBack("the worker stops"))
            elif call is culprit:
                call.fail(self.exit.crash())
            elif culprit is not None:
                call.fail(GivenBack("another attempt ended the process"))
            else:
                call.fail(GivenBack("the process was ended, and by none of its attempts", is_lost=True))
        self.calls.clear()
        self._gone.set()
        self._on_change(self)

    async def gone(self) -> None:
        """Wait until the process has ended and all it sent is read."""
        await self._gone.wait()

    def serve(self, kind: Kind, capacity: int) -> None:
        """Let a host that is ready run attempts of one kind."""
        self.kind, self.capacity = kind, capacity
        self._send({"type": "serve", "kind": kind, "takes_events": True})

    def drain(self) -> None:
        """Give it nothing more; it ends with its last attempt."""
        if self.state == "ready":
            self.state = "draining"
            self._end_if_idle()

    def kill(self) -> None:
        """End the process at once, and what it has started."""
        if self.state != "gone":
            self._signal_group()

    def _signal_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _end_if_idle(self) -> None:
        if self.state == "draining" and not self.calls:
            if self.kind is None:
                self.kill()
            else:
                self._send({"type": "drain"})

    # Its attempts

    @property
    def free(self) -> int:
        """How many more attempts it may run."""
        if self.state != "ready" or self.kind is None or self.is_held_up:
            return 0
        return self.capacity - len(self.calls)

    def holder(self, patience_s: float) -> int:
        """The attempt that has let nothing else run in an async host for longer than that; 0 for none."""
        if self.kind != "async" or not self.calls or self.state == "gone":
            return 0
        began_s = next(iter(self.calls.values())).began_s
        is_silent = min(self._launched.slot.silent_s(), time.monotonic() - began_s) > patience_s
        return self._launched.slot.on_cpu() if is_silent else 0

    def is_bystander(self, call: Call) -> bool:
        """Whether an attempt does not get on because another one holds up their process."""
        return self.holder(BYSTANDER_S) not in (0, call.number)

    def wake(self) -> None:
        """Wake the process where it sleeps: an attempt that comes soon finds it on a processor."""
        if not self.calls and self._transport is not None and not self._transport.is_closing():
            self._transport.write(_WAKE)

    def begin(self, handler: str, config: Mapping[str, Any], context: HandlerContext) -> Call:
        """Run an attempt here. Raises Terminal for one that is too large to be sent."""
        self._numbers += 1
        call = Call(self._numbers, context, self._send)
        header = {
            "type": "run",
            "id": call.number,
            "handler": handler,
            "execution_id": context.execution_id,
            "node_id": context.node_id,
            "attempt": context.attempt,
            "try_number": context.try_number,
            "idempotency_key": context.idempotency_key,
            "now_ms": context.now_ms,
            "last_heartbeat": context.last_heartbeat,
            "environment": context.environment,
        }
        body = exact_json.dumps({"config": config, "inputs": context.inputs})
        try:
            self._send(header, body)
        except FrameError as error:
            raise Terminal(f"the config and the inputs cannot be sent to the handler: {error}") from error
        self.calls[call.number] = call
        return call

    def tell(self, call: Call, reason: str, *, hard: bool) -> None:
        """Tell an attempt that it is not wanted any more; hard: and interrupt it."""
        if call.number in self.calls:
            self._send({"type": "cancel", "id": call.number, "reason": reason, "hard": hard})

    def _send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_frame(header, body))

    # What it sends

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        try:
            self._dispatch(header, body)
        except Exception as error:
            # Code that writes to the socket by itself can do no more harm than a crash of it.
            log.warning(
                "host.not_understood", extra={"pid": self.pid, "error": f"{type(error).__name__}: {error}"}
            )
            self.kill()

    def _dispatch(self, header: dict[str, Any], body: bytes) -> None:
        kind = header["type"]
        if kind == "result":
            self._take_result(header, body)
        elif kind == "hello":
            if header["protocol"] != PROTOCOL:
                other = f"the package headrace of {self.settings.python} has protocol {header['protocol']}"
                message = f"{other}; this worker has {PROTOCOL}"
                self.refusal = {"message": message, "traceback": ""}
                self.kill()
        elif kind == "offer":
            self.offer = exact_json.loads(body)
            self.state = "ready"
            self._on_change(self)
        elif kind == "refused":
            self.refusal = header
        elif call := self.calls.get(header.get("id", 0)):
            if kind == "line":
                self._last_lines.append(header["text"])
            call.report(header, body)
        elif kind in ("line", "log"):
            text = str(header.get("text", header.get("message")))
            self._last_lines.append(text)
            log.info("host.line", extra={"pid": self.pid, "line": text[:4_000]})

    def _take_result(self, header: dict[str, Any], body: bytes) -> None:
        call = self.calls.get(header["id"])
        if call is None:
            return
        # First of all: an attempt whose result cannot be read ends with its host.
        outcome = outcome_of(header, body, call.context)
        del self.calls[call.number]
        self.runs += 1
        self.rss_kb = header["rss_kb"]
        if not self.calls:
            self._last_lines.clear()
        call.end(outcome)
        self._end_if_idle()
        self._on_change(self)

    def _take_output_line(self, text: str) -> None:
        """Take a line that came by a file descriptor: of the attempt that runs, if it is just one."""
        if text.startswith(_OWN_FRAMES):
            return
        self._last_lines.append(text)
        if len(self.calls) == 1:
            (call,) = self.calls.values()
            call.report({"type": "line", "stream": "fd", "text": text}, b"")
        elif text:
            log.info("host.line", extra={"pid": self.pid, "line": text[:4_000]})


def _frame(header: Mapping[str, Any], body: bytes) -> bytes:
    try:
        return framed(exact_json.dumps(header), body)
    except TypeError:
        return frame(header, body)  # A text that is not Unicode.
