"""`./headrace dev` as people use it: start, run something, Ctrl-C, start again and find everything."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.stack import ports
from cli.stack.info import ROOT, is_process_alive
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.timeout(600)

UP_WITHIN_S = DOWN_WITHIN_S = PATIENCE_S
PAUSE_MS = 3_000


class DevStack:
    """One `./headrace dev` on a data directory and ports of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port, self.echo_port = ports.free_port(), ports.free_port()
        dropped = ("REDIS_URL", "REDIS_HOST", "REDIS_PORT", "API_URL", "HANDLERS", "ENVIRONMENT")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        self.environment = kept | {
            "STACK_REDIS": "embedded",
            "STACK_DATA_DIR": str(data_dir),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []

    def start(self, *options: str) -> None:
        """Start it and wait until it says that it is up."""
        ports = ("--port", str(self.port), "--echo-port", str(self.echo_port))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", "dev", *ports, *options],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        is_up = threading.Event()
        threading.Thread(target=self._read, args=(self.process, is_up), daemon=True).start()
        assert is_up.wait(UP_WITHIN_S), f"not up after {UP_WITHIN_S} s:\n" + "".join(self.output)

    def _read(self, process: subprocess.Popen[str], is_up: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.output.append(line)
                if line.startswith("Headrace is up"):
                    is_up.set()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Type another command beside it."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def children(self) -> list[int]:
        assert self.process is not None
        pid = self.process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(child) for child in listed.split()]

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait until it and all its children are gone; returns its exit code."""
        assert self.process is not None
        family = self.children()
        self.process.send_signal(number)
        code = self.process.wait(DOWN_WITHIN_S)
        give_up_at = time.monotonic() + DOWN_WITHIN_S
        while any(is_process_alive(child) for child in family):
            assert time.monotonic() < give_up_at, f"left behind: {family}\n" + "".join(self.output)
            time.sleep(0.05)
        return code

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGTERM)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[DevStack]:
    found = DevStack(tmp_path / "redis")
    yield found
    found.close()


def pausing(directory: Path) -> str:
    """A workflow that is still under way when the stack goes down."""
    nodes = [
        {"id": "wait", "handler": "delay", "config": {"seconds": PAUSE_MS / 1000}},
        {"id": "end", "handler": "noop", "dependencies": ["wait"]},
    ]
    file = directory / "pausing.json"
    file.write_text(json.dumps({"name": "pausing", "nodes": nodes}), encoding="utf-8")
    return str(file)


@pytest.mark.skipif(sys.platform != "linux", reason="counts children in /proc")
def test_the_stack_comes_up_runs_a_workflow_and_goes_at_ctrl_c(stack: DevStack) -> None:
    stack.start()

    first = stack.run("run", "examples/linear.json", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["nodes"]["C"]["status"] == "COMPLETED"
    tasks = stack.run("redis", "XINFO", "GROUPS", "workflow:tasks")
    assert "workflow_group" in tasks.stdout
    assert stack.run("doctor").returncode == 0
    refused = stack.run("dev")
    assert refused.returncode == 1
    assert "already running" in refused.stderr
    assert stack.end(signal.SIGINT) == 0


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="counts children in /proc")
def test_ctrl_c_stops_everything_and_the_next_start_goes_on(stack: DevStack, tmp_path: Path) -> None:
    stack.start()

    unfinished = stack.run("run", pausing(tmp_path), "--no-watch").stdout.strip()
    assert stack.end(signal.SIGINT) == 0
    assert not (stack.data_dir / "stack.json").exists()

    stack.start()
    second = stack.run("watch", unfinished, "--timeout", "80")
    assert second.returncode == 0, second.stdout + second.stderr


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="relies on PR_SET_PDEATHSIG")
def test_a_killed_supervisor_leaves_no_orphans_and_no_lock(stack: DevStack, tmp_path: Path) -> None:
    stack.start()
    unfinished = stack.run("run", pausing(tmp_path), "--no-watch").stdout.strip()

    stack.end(signal.SIGKILL)

    stack.start()
    found = stack.run("watch", unfinished, "--timeout", "80")
    assert found.returncode == 0, found.stdout + found.stderr
    assert stack.end(signal.SIGTERM) == 0


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="counts children in /proc")
def test_the_demo_waits_for_a_decision_goes_on_after_a_restart_and_completes(stack: DevStack) -> None:
    stack.start("--demo")
    url = f"http://127.0.0.1:{stack.port}"
    execution_id = demo_run(stack)
    # Once the cities are asked for, the worker that asks is killed; another one takes over.
    until(lambda: node(url, execution_id, "weather")["status"] == "WAITING")
    killed = call(f"{url}/demo/workers/kill", method="POST")["worker"]
    until(lambda: node(url, execution_id, "approve")["waiting_on"] == "approval")
    assert stack.end(signal.SIGINT) == 0

    stack.output.clear()
    stack.start("--demo")
    decided = stack.run("approve", execution_id, "approve", "--by", "jane", "--form", '{"note": "south"}')
    followed = stack.run("watch", execution_id, "--timeout", "80")

    assert killed in ("worker-1", "worker-2")
    assert demo_run(stack) == execution_id
    assert decided.returncode == 0, decided.stdout + decided.stderr
    assert followed.returncode == 0, followed.stdout + followed.stderr
    (message,) = call(f"{url}/demo/inbox")["items"]
    assert (message["is_signed"], message["body"]["data"]["note"]) == (True, "south")


def demo_run(stack: DevStack) -> str:
    """The execution that the stack names."""
    # The lines come one after the other; this one is the last of those that it begins with.
    until(lambda: "Ctrl-C stops" in "".join(stack.output))
    found = re.search(r"/ui/runs/([0-9a-f-]{36})", "".join(stack.output))
    assert found is not None, "".join(stack.output)
    return found[1]


def node(url: str, execution_id: str, node_id: str) -> dict[str, Any]:
    view = call(f"{url}/v1/executions/{execution_id}")
    return next(node for node in view["nodes"] if node["node_id"] == node_id)


def call(url: str, method: str = "GET") -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=PATIENCE_S) as answer:
        return json.load(answer)


def until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
