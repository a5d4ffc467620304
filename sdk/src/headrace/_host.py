"""A handler host: a child process of a worker that runs the handlers of an installation.

Started by the worker as `python -P -c …`. The main thread runs handlers: one `def` at a time, or an event
loop with many `async def`. Another thread reads what the worker sends, so that a cancel is heard meanwhile.
The process ends with its worker, whatever happens to that.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import mmap
import os
import platform
import queue
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace import _offer
from headrace._frames import PROTOCOL, FrameError, read_json
from headrace._host_context import HostContext
from headrace._host_result import completed, failed, stopped
from headrace._polling import Polling
from headrace._steps import SLOT, Steps, follow_steps
from headrace._streams import CURRENT, Lines, capture
from headrace._wire import TICK_S, Wire, end_with
from headrace.outcome import Cancelled
from headrace.registration import HANDLER_REGISTRY

#: How often an async host notes that its loop turns.
TURN_S = 0.1
#: How often the memory of this process is measured at most.
MEASURE_S = 0.1
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Running:
    """An attempt that runs here."""

    id: int
    context: HostContext
    task: asyncio.Task[None] | None = None


def main(arguments: list[str]) -> None:
    """Load the modules, then serve until the worker goes.

    arguments: socket, slot, the worker's pid, the engine's folder, the user's folders, memory in MB, modules.
    """
    fd, slot_fd, parent, root, folders, memory_mb, *modules = arguments
    end_with(int(parent))
    for number in (signal.SIGTERM, signal.SIGINT):
        # Ctrl-C reaches every process of a terminal; it is the worker that drains.
        signal.signal(number, signal.SIG_IGN)
    if int(memory_mb):
        limit = int(memory_mb) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    faulthandler.enable(all_threads=False)
    sys.meta_path.insert(0, _offer.EngineModules(root))
    Host(socket.socket(fileno=int(fd)), int(slot_fd), folders.split(os.pathsep), modules).run()


class Host:
    """One host process."""

    def __init__(self, sock: socket.socket, slot_fd: int, folders: list[str], modules: list[str]) -> None:
        self.wire = Wire(sock)
        self.steps = Steps(mmap.mmap(slot_fd, SLOT.size))
        self.lines = Lines(self._send_line, self._running_id, self.wire.guard)
        self._folders, self._modules = folders, modules
        self._statm = os.open("/proc/self/statm", os.O_RDONLY) if os.path.exists("/proc/self/statm") else None
        self._runs: dict[int, Running] = {}
        #: Attempts that were stopped before they began, or after their end; and whether by force.
        self._early: dict[int, bool] = {}
        self._early_lock = threading.Lock()
        #: The attempt of a sync host; 0 in an async one.
        self._only = 0
        self._interrupted = 0
        self._is_interruptible = False
        self._jobs: queue.SimpleQueue[tuple[dict[str, Any], bytes] | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rss, self._measured_s = 0, float("-inf")
        self._is_turning = self._takes_events = False
        self._has_runs = threading.Event()
        self._main = threading.get_ident()

    def run(self) -> None:
        """Load, offer, and serve as the kind that the worker chooses."""
        began_s = time.monotonic()
        python = platform.python_version()
        self.wire.send({"type": "hello", "protocol": PROTOCOL, "python": python, "pid": os.getpid()})
        capture(self.lines, self._send_log)
        try:
            offer = _offer.load(self._modules, self._folders)
        except _offer.Refused as refused:
            self.lines.end(0)
            self.wire.send({"type": "refused", **refused.fields})
            os._exit(3)
        took_ms = round((time.monotonic() - began_s) * 1000)
        body = json.dumps(offer, ensure_ascii=False, default=repr).encode("utf-8", "replace")
        self.wire.send({"type": "offer", "import_ms": took_ms}, body)
        chosen: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._chosen = chosen
        threading.Thread(target=self._listen, name="headrace", daemon=True).start()
        signal.signal(signal.SIGUSR1, self._on_interrupt)
        if chosen.get() == "async":
            self._serve_async()
        else:
            self._serve_sync()

    # What the worker sends

    def _listen(self) -> None:
        """Read in a thread of its own, so that a cancel is heard while code runs.

        The loop of an async host reads by itself, which is quicker, and this thread while that does not turn.
        """
        self.wire.listen(self._take, self._tick, lambda: self._loop is not None)
        while True:
            self._has_runs.wait()
            time.sleep(TICK_S)
            self._has_runs.clear()
            if self._tick():
                self._has_runs.set()
            if self.steps.silent_s() > TICK_S:
                self.wire.read()

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        match header["type"]:
            case "serve":
                if header["kind"] == "async":
                    # Here, not in the main thread: the first attempt may come before that has its turn.
                    self._loop = loop = asyncio.new_event_loop()
                    self.wire.polling = Polling(loop, lambda: len(self._runs) <= 1)
                # With the end of an attempt; a worker of an older version does not.
                self._takes_events = header.get("takes_events", False)
                self._chosen.put(header["kind"])
            case "run":
                if self._loop is None:
                    self._jobs.put((header, body))
                elif threading.get_ident() == self._main:
                    self._start(header, body)
                else:
                    self._loop.call_soon_threadsafe(self._start, header, body)
            case "wake":
                if threading.get_ident() == self._main:
                    self.wire.expect("run")
            case "cancel":
                self._cancel(header)
            case "answer" | "piece":
                if running := self._runs.get(header["id"]):
                    running.context.answer(header, body)
            case "drain":
                if self._loop is None:
                    self._jobs.put(None)
                else:
                    self._loop.call_soon_threadsafe(self._loop.stop)

    def _cancel(self, header: Mapping[str, Any]) -> None:
        with self._early_lock:
            running = self._runs.get(header["id"])
            if running is None:
                # It waits for its turn, or has ended.
                self._early[header["id"]] = header["hard"] or self._early.get(header["id"], False)
                return
        running.context.cancel()
        if not header["hard"]:
            return
        if self._loop is not None and running.task is not None:
            self._loop.call_soon_threadsafe(running.task.cancel)
        # Code that does not come back to its loop, or never had one, is interrupted where it is.
        self._interrupted = running.id
        signal.pthread_kill(self._main, signal.SIGUSR1)

    def _on_interrupt(self, number: int, frame: Any) -> None:
        wanted = self._interrupted
        if not wanted or not self._is_interruptible or self.steps.current != wanted:
            return
        self._interrupted = 0
        self.wire.guard.interrupt(Cancelled("the attempt was stopped"))

    def _tick(self) -> bool:
        for running in list(self._runs.values()):
            running.context.send_beat()
        return bool(self._runs)

    # A sync host

    def _serve_sync(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._run_sync(*job)
        os._exit(0)

    def _run_sync(self, header: dict[str, Any], body: bytes) -> None:
        context, config = self._context(header, body, None)
        running = Running(header["id"], context)
        if not self._begins(running):
            return
        self._only = running.id
        self.steps.enter(running.id)
        value, error = self._guarded(header["handler"], config, context)
        self.steps.leave()
        emit = self._emit_of(running)
        self._end(running, *(completed(value, emit) if error is None else self._failure(error, running)))
        self._only = 0

    def _guarded(self, name: str, config: Any, context: HostContext) -> tuple[Any, BaseException | None]:
        """Call a handler that may be interrupted at any place; what it raises is a value."""
        try:
            try:
                self._is_interruptible = True
                return HANDLER_REGISTRY[name](config, context), None
            finally:
                self._is_interruptible = False
        except BaseException as error:
            self._is_interruptible = False
            return None, error

    # An async host

    def _serve_async(self) -> None:
        loop = self._loop
        assert loop is not None
        asyncio.set_event_loop(loop)
        follow_steps(loop, self.steps)
        loop.add_reader(self.wire.fd, self.wire.read)
        self._is_interruptible = True
        while True:
            try:
                loop.run_forever()
                os._exit(0)
            except BaseException:
                # SystemExit of a task that a handler started: its attempt hears of it, and the loop goes on.
                continue

    def _turn(self) -> None:
        """Note that the loop turns, as long as anything runs in it."""
        self.steps.turn()
        self._is_turning = bool(self._runs)
        if self._is_turning and self._loop is not None:
            self._loop.call_later(TURN_S, self._turn)

    def _start(self, header: dict[str, Any], body: bytes) -> None:
        assert self._loop is not None
        context, config = self._context(header, body, self._loop)
        running = Running(header["id"], context)
        if not self._begins(running):
            return
        token = CURRENT.set(running.id)
        try:
            running.task = self._loop.create_task(self._run_async(running, header["handler"], config))
            # An interrupt may end a task outside of what it runs, which then says nothing of its end.
            running.task.add_done_callback(lambda task: self._end(running, *stopped()))
        finally:
            CURRENT.reset(token)
        if not self._is_turning:
            self._turn()
            self._has_runs.set()

    async def _run_async(self, running: Running, name: str, config: Any) -> None:
        try:
            value = await HANDLER_REGISTRY[name](config, running.context)
            result = completed(value, self._emit_of(running))
        except BaseException as error:
            result = self._failure(error, running)
        self._end(running, *result)
        self.wire.expect("next_run")

    # Both

    def _context(
        self, header: dict[str, Any], body: bytes, loop: asyncio.AbstractEventLoop | None
    ) -> tuple[HostContext, Any]:
        asked = read_json(body)
        return HostContext(self.wire, header, asked["inputs"], loop), asked["config"]

    def _begins(self, running: Running) -> bool:
        """Let an attempt begin, unless it was stopped by force meanwhile: that ends it here."""
        with self._early_lock:
            self._runs[running.id] = running
            is_hard = self._early.pop(running.id, None)
            # Ids rise: those before it began, or have ended.
            self._early = {each: hard for each, hard in self._early.items() if each > running.id}
        if is_hard is not None:
            running.context.cancel()
        if is_hard:
            self._end(running, *stopped())
        return not is_hard

    def _emit_of(self, running: Running) -> Callable[..., object] | None:
        return None if self._takes_events else running.context.emit

    def _failure(self, error: BaseException, running: Running) -> tuple[dict[str, Any], bytes]:
        is_stopped = isinstance(error, Cancelled | asyncio.CancelledError) and running.context.is_cancelled()
        return stopped() if is_stopped else failed(error)

    def _end(self, running: Running, header: dict[str, Any], body: bytes) -> None:
        """Send how an attempt ended, after all it has said; once."""
        with self.wire.guard:
            if self._runs.pop(running.id, None) is None:
                return
            self.lines.end(running.id)
            running.context.send_beat()
            running.context.close()
            result = {"type": "result", "id": running.id, "rss_kb": self._rss_kb()}
            try:
                self.wire.send({**result, **header}, body)
            except FrameError as error:
                self.wire.send({**result, **failed(error)[0]})
            # An interrupt that has come meanwhile finds nothing to interrupt.
            if self._interrupted == running.id:
                self._interrupted = 0
            self.wire.guard.forget()

    def _rss_kb(self) -> int:
        """The memory of this process, as it was a moment ago."""
        now_s = time.monotonic()
        if self._statm is not None and now_s - self._measured_s >= MEASURE_S:
            self._measured_s = now_s
            self._rss = int(os.pread(self._statm, 128, 0).split()[1]) * _PAGE_BYTES // 1024
        return self._rss

    def _running_id(self) -> int:
        return self._only

    def _send_line(self, attempt: int, stream: str, text: str) -> None:
        self.wire.send({"type": "line", "id": attempt, "stream": stream, "text": text})

    def _send_log(self, attempt: int, level: str, message: str, data: dict[str, Any]) -> None:
        self.wire.send({"type": "log", "id": attempt, "level": level, "message": message, "data": data})


#: The folder of this package: its frames are not the user's.
PACKAGE = str(Path(__file__).resolve().parent)
