"""Which worker is killed, and which processes never are."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from api.demo import workers
from api.demo.workers import is_sibling, kill_one, parent_of
from orchestrator.execution.inventory import WorkerInfo

HERE = socket.gethostname()


def info(name: str, pid: int, *, running: int = 0, host: str = HERE) -> WorkerInfo:
    return WorkerInfo(
        worker_id=f"{name}.abcd", name=name, host=host, pid=pid, handlers=frozenset(), queues=("default",),
        slots=4, running=running, started_ms=0, beat_ms=0,
    )  # fmt: skip


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that only a signal ends."""
    found = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield found
    found.kill()
    found.wait()


def test_the_busy_worker_is_killed_first(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "is_sibling", lambda pid: True)
    idle = info("worker-1", pid=os.getpid(), running=9)

    name = kill_one([idle, info("worker-2", pid=process.pid)], {"worker-2.abcd"})

    assert name == "worker-2"
    assert process.wait(10) == -signal.SIGKILL


def test_one_that_is_dead_already_is_passed_over(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "is_sibling", lambda pid: True)
    gone = info("worker-1", pid=2**22 + 1)

    assert kill_one([gone, info("worker-2", pid=process.pid)], {"worker-1.abcd"}) == "worker-2"


def test_only_workers_of_our_own_stack_are_killed(process: subprocess.Popen[bytes]) -> None:
    # A child of ours is no sibling, and neither is anything on another machine.
    ours = info("child", pid=process.pid)
    far = info("far", pid=os.getpid(), host="elsewhere")

    with pytest.raises(LookupError, match="live workers: child, far"):
        kill_one([ours, far], set())

    assert process.poll() is None
    assert not is_sibling(process.pid) and not is_sibling(os.getpid()) and not is_sibling(1)
    assert (parent_of(process.pid), parent_of(os.getpid())) == (os.getpid(), os.getppid())
    assert parent_of(2**22 + 1) is None


def test_a_process_of_the_same_parent_is_a_sibling() -> None:
    # Both halves of a pipeline have the shell as their parent.
    program = (
        "import subprocess, sys; from api.demo.workers import is_sibling;print(is_sibling(int(sys.argv[1])))"
    )
    script = f'sleep 60 & "{sys.executable}" -c "{program}" $! ; kill $!'

    found = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "True"
