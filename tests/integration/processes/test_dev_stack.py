"""`./headrace dev` as people use it: start, run something, Ctrl-C, start again and find everything."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.stack import ports
from tests.dev_stack import DevStack
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.timeout(600)

PAUSE_MS = 3_000


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
def test_the_port_stays_the_stack_s_while_its_api_is_restarted(stack: DevStack) -> None:
    stack.start()
    (api,) = [pid for pid in stack.children() if b"api_server" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    os.kill(api, signal.SIGKILL)

    assert ports.listen(stack.port) is None
    assert stack.call("GET", "/health"), "who calls meanwhile waits, and is not refused"


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
    execution_id = demo_run(stack)
    # Once the cities are asked for, the worker that asks is killed; another one takes over.
    until(lambda: node(stack, execution_id, "weather")["status"] == "WAITING")
    killed = stack.call("POST", "/demo/workers/kill")["worker"]
    until(lambda: node(stack, execution_id, "approve")["waiting_on"] == "approval")
    assert stack.end(signal.SIGINT) == 0

    stack.output.clear()
    stack.start("--demo")
    decided = stack.run("approve", execution_id, "approve", "--by", "jane", "--form", '{"note": "south"}')
    followed = stack.run("watch", execution_id, "--timeout", "80")

    assert killed in ("worker-1", "worker-2")
    assert demo_run(stack) == execution_id
    assert decided.returncode == 0, decided.stdout + decided.stderr
    assert followed.returncode == 0, followed.stdout + followed.stderr
    (message,) = stack.call("GET", "/demo/inbox")["items"]
    assert (message["is_signed"], message["body"]["data"]["note"]) == (True, "south")


def demo_run(stack: DevStack) -> str:
    """The execution that the stack names."""
    # The lines come one after the other; this one is the last of those that it begins with.
    until(lambda: "Ctrl-C stops" in "".join(stack.output))
    found = re.search(r"/ui/runs/([0-9a-f-]{36})", "".join(stack.output))
    assert found is not None, "".join(stack.output)
    return found[1]


def node(stack: DevStack, execution_id: str, node_id: str) -> dict[str, Any]:
    view = stack.call("GET", f"/v1/executions/{execution_id}")
    return next(node for node in view["nodes"] if node["node_id"] == node_id)


def until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
