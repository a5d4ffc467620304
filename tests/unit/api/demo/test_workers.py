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
from api.demo.workers import is_our_worker, kill_one, look_at
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
    monkeypatch.setattr(workers, "is_our_worker", lambda pid: True)
    idle = info("worker-1", pid=os.getpid(), running=9)

    name = kill_one([idle, info("worker-2", pid=process.pid)], {"worker-2.abcd"})

    assert name == "worker-2"
    assert process.wait(10) == -signal.SIGKILL


def test_one_that_is_dead_already_is_passed_over(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "is_our_worker", lambda pid: True)
    gone = info("worker-1", pid=2**22 + 1)

    assert kill_one([gone, info("worker-2", pid=process.pid)], {"worker-1.abcd"}) == "worker-2"


def test_only_workers_of_our_own_stack_are_killed(process: subprocess.Popen[bytes]) -> None:
    # A child of ours is no sibling, and neither is anything on another machine.
    ours = info("child", pid=process.pid)
    far = info("far", pid=os.getpid(), host="elsewhere")

    with pytest.raises(LookupError, match="live workers: child, far"):
        kill_one([ours, far], set())

    assert process.poll() is None
    assert not is_our_worker(process.pid) and not is_our_worker(os.getpid()) and not is_our_worker(1)
    assert (look_at(process.pid)[0], look_at(os.getpid())[0]) == (os.getpid(), os.getppid())
    assert look_at(os.getpid())[1] != []
    assert look_at(2**22 + 1) == (None, [])


@pytest.mark.parametrize(
    ("named", "said"), [("-m workers.worker", "True"), ("-m orchestrator.starter", "False")]
)
def test_only_a_worker_of_the_same_parent_is_ours(named: str, said: str) -> None:
    # Both halves of a pipeline have the shell as their parent. Redis and the orchestrator have it, too, and
    # one of them may have got the number of a worker that died.
    program = "import sys; from api.demo.workers import is_our_worker; print(is_our_worker(int(sys.argv[1])))"
    asleep = f'"{sys.executable}" -c "import signal; signal.pause()" {named}'
    script = f'{asleep} & "{sys.executable}" -c "{program}" $! ; kill $!'

    found = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == said
