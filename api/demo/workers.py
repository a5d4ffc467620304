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

#: In the command of every worker process.
WORKER = "workers.worker"


def kill_one(workers: Sequence[WorkerInfo], busy: Collection[str]) -> str:
    """Kill a worker with SIGKILL, one that is busy if there is one, and give its name.

    workers  the live ones; one that was not started by our own parent is never killed.
    busy     ids of those that are to be killed first.
    Raises LookupError where there is none that may be killed.
    """
    ours = [each for each in workers if each.host == socket.gethostname() and is_our_worker(each.pid)]
    for worker in sorted(ours, key=lambda each: (each.worker_id not in busy, -each.running, each.name)):
        try:
            os.kill(worker.pid, signal.SIGKILL)
        except ProcessLookupError:  # it died by itself and is listed for some seconds yet
            continue
        return worker.name
    names = ", ".join(sorted(worker.name for worker in workers)) or "none"
    raise LookupError(f"no live worker was started by the stack of this API; live workers: {names}")


def is_our_worker(pid: int) -> bool:
    """Whether a process is a worker, and the stack that started this process has started that one too."""
    # What is in the store may name any process, or one that has died and whose number another one has now: a
    # parent and a command cannot be claimed. The stack's other processes have the same parent.
    parent, words = look_at(pid)
    return pid != os.getpid() and parent == os.getppid() and WORKER in words


def look_at(pid: int) -> tuple[int | None, list[str]]:
    """Give the parent of a process and the words of its command; None and none where it is not there."""
    place = Path(f"/proc/{pid}")
    try:
        found = re.search(r"^PPid:\s*(\d+)$", (place / "status").read_text("ascii", "replace"), re.M)
        words = (place / "cmdline").read_text("utf-8", "replace").split("\0")
    except OSError:
        if Path("/proc/self").exists():
            return None, []
        listed = subprocess.run(
            ["ps", "-ww", "-o", "ppid=,args=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        found = re.search(r"(\d+)", listed.stdout)
        words = listed.stdout.split()[1:]
    return (int(found[1]) if found else None), words
