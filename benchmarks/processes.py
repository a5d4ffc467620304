"""Child processes of a measured system: started with the driver's interpreter, never left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PR_SET_PDEATHSIG = 1
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_LOG_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Child:
    """One process of a stack, with the file its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def raise_if_dead(self) -> None:
        """Fail with the end of the child's log when it has exited."""
        code = self.process.poll()
        if code is not None:
            tail = self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
            raise RuntimeError(f"process '{self.name}' exited with {code}; the end of its log:\n{tail}")

    def stop(self, *, grace_s: float = 5) -> None:
        """Ask with SIGTERM, then insist."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def cpu_s(self) -> float:
        """CPU time this process has used, seconds; 0 where /proc does not exist."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def threads_cpu_us(self) -> float:
        """CPU time that the living threads of this process have used, microseconds.

        Finer than the ticks of `cpu_s`, but without the threads that have ended. Raises RuntimeError where
        /proc does not say.
        """
        used_ns = 0
        for thread in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            try:
                used_ns += int(thread.read_text().split()[0])
            except OSError:
                continue  # It has ended since it was listed.
        if not used_ns:
            raise RuntimeError(f"no CPU time of process '{self.name}' in /proc/PID/task/*/schedstat")
        return used_ns / 1000

    def rss_bytes(self) -> int:
        """Resident memory of this process; 0 where /proc does not exist."""
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except OSError:
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")


def spawn(
    name: str, command: Sequence[str], *, directory: Path, environment: Mapping[str, str] | None = None
) -> Child:
    """Start a process in the project's root whose output goes to `<directory>/<name>.log`."""
    log = directory / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=_ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
    return Child(name, process, log)


def spawn_module(
    name: str, arguments: Sequence[str], *, directory: Path, environment: Mapping[str, str]
) -> Child:
    """Start `python -m <arguments>`."""
    return spawn(name, [sys.executable, "-m", *arguments], directory=directory, environment=environment)


def _die_with_parent() -> None:
    # A driver that is killed runs no clean-up, so the kernel is asked to end the children.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
