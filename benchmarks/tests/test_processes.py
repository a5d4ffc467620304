import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.processes import Child, spawn

#: Uses processor time in a second thread, then says so in its log and sleeps.
BUSY_THREAD = """
import threading, time

def spin():
    while time.thread_time() < 0.1:
        pass
    print("done", flush=True)
    time.sleep(600)

threading.Thread(target=spin, daemon=True).start()
time.sleep(600)
"""
GIVE_UP_S = 60

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="only Linux lists the CPU time of threads"
)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = spawn("busy", [sys.executable, "-c", BUSY_THREAD], directory=tmp_path)
    yield child
    child.stop()


def test_cpu_of_a_process_includes_all_its_threads(child: Child) -> None:
    until = time.monotonic() + GIVE_UP_S
    while "done" not in child.log.read_text() and time.monotonic() < until:
        child.raise_if_dead()
        time.sleep(0.01)

    assert child.threads_cpu_us() >= 90_000


def test_process_that_is_gone_has_no_cpu_time_to_read(child: Child) -> None:
    child.stop()

    with pytest.raises(RuntimeError, match="'busy'"):
        child.threads_cpu_us()
