"""Kills a worker of the dev stack, so that it can be watched how its work is taken over."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

from orchestrator.execution.inventory import WorkerInfo


def kill_one(workers: Sequence[WorkerInfo], busy: Collection[str]) -> str:
    """Kill a worker with SIGKILL, one that is busy if there is one, and give its name.

    workers  the live ones; one that was not started by our own parent is never killed.
    busy     ids of those that are to be killed first.
    Raises LookupError where there is none that may be killed.
    """
    ours = [each for each in workers if each.host == socket.gethostname() and is_sibling(each.pid)]
    for worker in sorted(ours, key=lambda each: (each.worker_id not in busy, -each.running, each.name)):
        try:
            os.kill(worker.pid, signal.SIGKILL)
        except ProcessLookupError:  # it died by itself and is listed for some seconds yet
            continue
        return worker.name
    names = ", ".join(sorted(worker.name for worker in workers)) or "none"
    raise LookupError(f"no live worker was started by the stack of this API; live workers: {names}")


def is_sibling(pid: int) -> bool:
    """Whether the stack that started this process has started that one too."""
    # What is in the store may name any process; a parent cannot be claimed.
    return pid != os.getpid() and parent_of(pid) == os.getppid()


def parent_of(pid: int) -> int | None:
    """Give the process that started another one; None where there is none of that id."""
    try:
        found = re.search(r"^PPid:\s*(\d+)$", Path(f"/proc/{pid}/status").read_text("ascii", "replace"), re.M)
    except OSError:
        if Path("/proc/self").exists():
            return None
        listed = subprocess.run(
            ["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        found = re.search(r"(\d+)", listed.stdout)
    return int(found[1]) if found else None
