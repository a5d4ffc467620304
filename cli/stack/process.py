"""One process of the stack: started, its output prefixed, started again when it dies, stopped on demand."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
#: A child that lived this long restarts after the shortest pause.
STEADY_AFTER_S = 30.0
#: A child that has been started so often and does not run will most likely not.
MOST_STARTS = 3
LONGEST_LINE_BYTES = 16 * 1024
PR_SET_PDEATHSIG = 1

# Looked up before any fork: loading a library between fork and exec may hang.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def die_with_parent(parent_pid: int) -> Callable[[], None]:
    """What a child runs between fork and exec so that no kill of the supervisor leaves it behind.

    The kernel then sends SIGTERM to the child when the *thread* that started it ends, so children are started
    from the main thread only. macOS has nothing like it; there the next start clears up (see redis_server).
    """

    def prepare() -> None:
        if _prctl is not None:
            _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        # The supervisor may have died before prctl took effect; then no signal would ever come.
        if os.getppid() != parent_pid:
            os._exit(1)

    return prepare


@dataclass(slots=True)
class Child:
    """A supervised process. `emit(name, line)` gets each line it prints."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    working_dir: Path
    emit: Callable[[str, str], None]
    #: How long it may take to stop before it is killed.
    grace_s: float = 5.0
    #: File descriptors it inherits, such as the lock on the data directory.
    keep_fds: tuple[int, ...] = ()
    #: Whether it is a worker, which is told of the one whose place it takes.
    is_worker: bool = False

    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    is_stopping: bool = False
    _instance: str = ""
    _started_at: float = 0.0
    _output: asyncio.Task[None] | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start the process once; its output flows from here on."""
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**self.environment, **self._succession()},
            cwd=self.working_dir,
            pass_fds=self.keep_fds,
            # A session of its own: Ctrl-C reaches the supervisor alone, which then stops things in order.
            start_new_session=True,
            preexec_fn=die_with_parent(os.getpid()),
        )
        self.starts += 1
        self._started_at = time.monotonic()
        self._output = asyncio.create_task(self._pump(self.process))

    async def supervise(self) -> None:
        """Start the process, and restart it after growing pauses each time it ends by itself."""
        pause_s = FIRST_PAUSE_S
        if self.process is None:
            await self.start()
        while True:
            assert self.process is not None
            status = await self.process.wait()
            if self.may_not_restart():
                return
            if time.monotonic() - self._started_at > STEADY_AFTER_S:
                pause_s = FIRST_PAUSE_S
            self.emit(self.name, f"ended with {describe_exit(status)}; restarting in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            # A stop may have come during the pause; what is started then would never be stopped.
            if self.may_not_restart():
                return
            await self.start()

    def _succession(self) -> dict[str, str]:
        """Name a worker for the next one, and the last one, which has ended: nobody else knows that."""
        if not self.is_worker:
            return {}
        dead, self._instance = self._instance, uuid.uuid4().hex
        return {"STACK_INSTANCE": self._instance, "STACK_REPLACES": dead}

    async def stop(self) -> None:
        """Ask it to end, wait for the grace period, then kill it."""
        self.is_stopping = True
        if self.process is None:
            return
        self._send(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.grace_s):
                await self.process.wait()
        except TimeoutError:
            self.emit(self.name, f"did not stop within {self.grace_s:g} s; killed")
            self._send(signal.SIGKILL)
            await self.process.wait()
        if self._output is not None:
            # Its last words; bounded, for a grandchild may hold the pipe open.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._output, timeout=1.0)

    def may_not_restart(self) -> bool:
        return self.is_stopping

    def kill(self) -> None:
        """End it at once."""
        self.is_stopping = True
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def _pump(self, process: asyncio.subprocess.Process) -> None:
        """Pass its output on line by line. Reads chunks: readline() would raise on a very long line."""
        assert process.stdout is not None
        rest = b""
        while chunk := await process.stdout.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE_BYTES:
                lines.append(rest)
                rest = b""
            for line in lines:
                self.emit(self.name, line.decode("utf-8", "replace").rstrip("\r"))
        if rest:
            self.emit(self.name, rest.decode("utf-8", "replace"))


def describe_exit(status: int) -> str:
    """`exit code 1` or `signal SIGKILL`."""
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
